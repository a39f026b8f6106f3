"""Where the dead letters of each hop are and where they are resent to: the output `dead_letters`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from twinspan.contracts import Queue
from twinspan.providers import Construct, TerraformOutput
from twinspan.terraform.resources import EVENTS_VARIABLE

OUTPUT = "dead_letters"
Kind = Literal["queue", "dispatcher", "store", "devices"]
"""What takes a letter's content again: a queue of events, the dispatcher's code in front of the queue
`target`, the hot store, or the way to the devices."""


@dataclass(frozen=True, kw_only=True)
class Hop:
    """One place of dead letters. `name` is the queue's before it, or what the hop does.

    `letters` is where they are read from, `target` what stands before the hop. `more` are further addresses
    that `python -m operations dead-letters` needs.
    """

    name: str
    kind: Kind
    letters: str
    target: str
    optional: bool = False
    more: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, queue: Queue) -> "Hop":
        """The hop that a queue leads to."""
        return cls(
            name=name,
            kind="queue",
            letters=queue.dead_letters.source,
            target=queue.address,
            optional=queue.optional,
        )

    def value(self) -> dict[str, str] | str:
        """The hop's entry in the output: null while it is part of an event system that is off."""
        fields = {"kind": self.kind, "letters": self.letters, "target": self.target, **self.more}
        if not self.optional:
            return fields
        written = ", ".join(f'{name} = "{text}"' for name, text in fields.items())
        return f"${{var.{EVENTS_VARIABLE} ? {{{written}}} : null}}"


def publish(scope: Construct, hops: Iterable[Hop]) -> None:
    """The output of a stack: its hops by name."""
    TerraformOutput(
        scope,
        OUTPUT,
        value={hop.name: hop.value() for hop in hops},
        description="Where refused messages are, and where `python -m operations dead-letters` sends them.",
    ).override_logical_id(OUTPUT)
