"""The hops of a stack, and the output `dead_letter_queues` by which the operator's program finds them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from twinspan import outputs
from twinspan.contracts import Queue
from twinspan.providers import Construct

Kind = Literal["queue", "dispatcher", "store", "devices"]
"""What accepts a dead letter's content again: a queue of events, the dispatcher's code in front of the queue
`target`, the hot store, or the devices."""


@dataclass(frozen=True, kw_only=True)
class Hop:
    """A hop with a dead-letter queue. `name` is that of the queue before the hop, or of what the hop does.

    `letters` is the address of the dead letters, `target` that of the hop's input. `more` are further
    addresses that sending them again needs.
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
        return outputs.while_events_are_on(fields) if self.optional else fields


def publish(scope: Construct, hops: Iterable[Hop]) -> None:
    """Add the output: the stack's hops by name."""
    outputs.publish(scope, outputs.DEAD_LETTERS, {hop.name: hop.value() for hop in hops})
