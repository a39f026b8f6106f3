"""The status as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from command.state import FormerState, Vanished
from command.status.queues import Hop
from command.status.readings import Reading
from command.status.stacks import StackStatus
from operations.printing import NONE
from twin_runtime.roles import CLOUD_NAMES, Cloud
from twinspan import __version__

UNKNOWN = "unknown"
_COUNTS = ("messages", "dead letters")
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


@dataclass(frozen=True)
class Status:
    """Everything that is known of a deployed twin. `problems` are those of no single part."""

    twin: str
    stacks: Sequence[StackStatus]
    hops: Sequence[Hop] = ()
    readings: Sequence[Reading] = ()
    former: Sequence[FormerState] = ()
    vanished: Sequence[Vanished] = ()
    other_problems: Sequence[str] = field(default=())

    @property
    def problems(self) -> list[str]:
        """A sentence for each part that failed, each once."""
        found = [problem for stack in self.stacks for problem in stack.problems]
        found += [
            f"{hop.location.hop} ({hop.location.cloud}): {hop.problem}" for hop in self.hops if hop.problem
        ]
        found += [f"{reading.device_type}: {reading.problem}" for reading in self.readings if reading.problem]
        return list(dict.fromkeys([*found, *self.other_problems]))

    def document(self) -> dict[str, Any]:
        """The JSON document; `command.commands.status.SCHEMA` describes it."""
        return {
            "twin": self.twin,
            "twinspan": __version__,
            "stacks": [stack.document() for stack in self.stacks],
            "hops": [hop.document() for hop in self.hops],
            "readings": [reading.document() for reading in self.readings],
            "former_states": [
                {
                    "stack": each.stack,
                    "state": str(each.place),
                    "target": str(each.target),
                    "commands": list(each.commands),
                    "otherwise": each.otherwise,
                }
                for each in self.former
            ],
            "vanished": [
                {"cloud": each.cloud, "state": str(each.place), "resources": each.resources}
                for each in self.vanished
            ],
            "problems": self.problems,
        }

    def lines(self) -> Iterator[str]:
        """The page. A line that ends with a colon is a heading."""
        yield f"Twin {self.twin}, Twinspan {__version__}"
        yield from _section("Stacks:", [_stack(stack) for stack in self.stacks])
        yield from _section("Differences:", [[text] for stack in self.stacks for text in stack.differences])
        drifted = [[stack.name, address] for stack in self.stacks for address in stack.drift or ()]
        yield from _section("Changed outside Terraform:", drifted)
        if self.hops:
            yield from _section("Queues:", [["hop", "cloud", *_COUNTS], *map(_hop, self.hops)])
        yield from _section("Newest readings:", list(map(_reading, self.readings)))
        others = [str(each).splitlines() for each in (*self.former, *self.vanished)]
        yield from _section("States:", [[line] for lines in others for line in lines])
        yield from _section("Problems:", [[text] for text in self.problems])


def _section(title: str, rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A heading and aligned rows, without columns that are empty; nothing without a row."""
    if not rows:
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    yield ""
    yield title
    for row in rows:
        cells = zip(row, widths, strict=True)
        yield "  " + "  ".join(f"{cell:<{width}}" for cell, width in cells if width).rstrip()


def _stack(stack: StackStatus) -> list[str]:
    if not stack.deployed:
        said = UNKNOWN if stack.deployed is None else "not deployed"
        return [stack.name, said, stack.state, "", "", "", ""]
    facts = stack.facts
    version = facts.get("twinspan")
    holds = [*facts.get("layers", ()), *(f"former {layer}" for layer in facts.get("former", ()))]
    events = facts.get("events")
    revoked = facts.get("keys_revoked_before") or 0
    keys = f"key generation {facts.get('key_generation', UNKNOWN)}"
    return [
        stack.name,
        f"deployed by {version}" if version else "deployed",
        stack.state,
        f"events {UNKNOWN if events is None else 'on' if events else 'off'}",
        f"{keys}, revoked before {revoked}" if revoked else keys,
        _drift(stack),
        ", ".join(holds),
    ]


def _drift(stack: StackStatus) -> str:
    if stack.drift_problem:
        return f"drift {UNKNOWN}"
    if stack.drift is None:
        return ""
    return f"{len(stack.drift)} drifted" if stack.drift else "no drift"


def _hop(hop: Hop) -> list[str]:
    waiting = NONE if not hop.has_queue else _number(hop.waiting)
    counts = (waiting, _number(hop.letters))
    aligned = (f"{count:>{len(title)}}" for count, title in zip(counts, _COUNTS, strict=True))
    return [hop.location.hop, CLOUD_NAMES[Cloud(hop.location.cloud)], *aligned]


def _number(count: int | None) -> str:
    return UNKNOWN if count is None else f"{count:,}"


def _reading(reading: Reading) -> list[str]:
    if reading.problem:
        return [reading.device_type, UNKNOWN, "", ""]
    if reading.age_s is None:
        return [reading.device_type, "none", "", ""]
    return [reading.device_type, _age(reading.age_s), reading.device or "", reading.time or ""]


def _age(seconds: float) -> str:
    for size, unit in _UNITS:
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {unit}{'s' * (number != 1)} ago"
    return "now"
