"""What happens in a simulation: a layout, and a list of steps that a seed makes. Each step holds all that is
random in it, so a list from which some are left out is a simulation too.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

DAY = 86_400
CLOUDS = ("aws", "azure", "gcp")
DEVICES = ("pump-1", "thermostat-1", "thermostat-2", "gauge-1", "stranger-1")
"""The last is in no twin.yaml."""


class Fault(IntEnum):
    """What happens at a call of a service."""

    KILLED_BEFORE = 0  # the process ends, and the service has not got the call
    KILLED_AFTER = 1  # the process ends, and the service has done it
    KILLED_MIDWAY = 2  # the process ends when half of the items are written
    DOWN = 3  # the service refuses for now
    LOST = 4  # the service has done it, and the answer does not arrive
    PARTLY = 5  # half of the items are written, the others fail
    TWICE = 6  # the client sends the call again: it is done twice
    AWAY = 7  # the service does half of this call, and of each later one of the step
    TWIN = 8  # another instance gets the same work, and is done with it before this call goes on

    @property
    def kills(self) -> bool:
        return self <= Fault.KILLED_MIDWAY


class Step(NamedTuple):
    """`kind` is the name of a method of `World`, which takes the numbers."""

    kind: str
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the layers are. `cold` and `archive` are empty where the twin has no such tier."""

    acquisition: str = "aws"
    processing: str = "aws"
    hot: str = "aws"
    cold: str = "aws"
    archive: str = ""
    events: bool = True
    max_deliveries: int = 50
    batch_bytes: int = 100_000
    hot_days: int = 2
    cold_days: int = 3
    archive_days: int = 3_650


@dataclass(frozen=True, slots=True)
class Plan:
    """A simulation. `deliveries` is how often each message is delivered at least."""

    seed: int
    layout: Layout
    steps: tuple[Step, ...]
    deliveries: int = 1


_WEIGHTS = {
    "publish": 14,
    "republish": 3,
    "backfill": 2,
    "collide": 3,
    "work": 52,
    "advance": 7,
    "jump": 3,
    "rotate": 4,
    "to_cold": 8,
    "to_archive": 3,
    "read": 4,
    "expire": 3,
    "lapse": 4,
    "neglect": 2,
    "balk": 1,
    "retain": 2,
    "flag": 1,
    "retype": 1,
    "restart": 2,
}
KINDS = tuple(_WEIGHTS)
_PASSED = (5, 30, 30, 130, 600, 3_600, DAY, 2 * DAY, 4 * DAY)
_JUMPS = (-900, -200, -30, 0, 30, 200, 900)


def make(seed: int) -> Plan:
    """The plan of a seed."""
    chance = random.Random(seed)
    layout = _layout(chance)
    kinds, weights = list(_WEIGHTS), list(_WEIGHTS.values())
    count = chance.choice((20, 40, 60))
    steps = [_step("publish", chance, layout)]
    steps += [_step(kind, chance, layout) for kind in chance.choices(kinds, weights, k=count)]
    return Plan(seed, layout, tuple(steps))


def campaign(seed: int, deliveries: int = 50) -> Plan:
    """Every message is delivered `deliveries` times, in any order, while processes die at their calls and
    keys are rotated.
    """
    chance = random.Random(seed)
    acquisition, processing, hot, cold = (chance.choice(CLOUDS) for _ in range(4))
    layout = Layout(acquisition, processing, hot, cold)
    steps = [_step("publish", chance, layout) for _ in range(4)]
    for _ in range(250):
        kind = chance.choices(("work", "rotate", "restart"), (40, 2, 1))[0]
        steps.append(_step(kind, chance, layout))
    return Plan(seed, layout, tuple(steps), deliveries)


def _layout(chance: random.Random) -> Layout:
    one = chance.choice(CLOUDS)

    def place() -> str:
        return one if chance.random() < 0.4 else chance.choice(CLOUDS)

    cold = place() if chance.random() < 0.85 else ""
    return Layout(
        place(),
        place(),
        place(),
        cold,
        place() if cold and chance.random() < 0.5 else "",
        chance.random() < 0.9,
        chance.choice((50, 50, 50, 7)),
        chance.choice((100_000, 100_000, 1_500)),
        chance.choice((1, 2, 3)),
        chance.choice((3, 5)),
        chance.choice((9, 30, 3_650)),
    )


def _step(kind: str, chance: random.Random, layout: Layout) -> Step:
    number = chance.randrange
    match kind:
        case "publish":
            return Step(kind, (number(1_000), number(1 << 30)))
        case "work" | "to_cold" | "to_archive" | "read":
            often = kind in ("to_cold", "to_archive")
            return Step(kind, (number(1 << 30), number(1 << 16), *_faults(chance, often=often)))
        case "advance":
            return Step(kind, (chance.choice(_PASSED),))
        case "jump":
            return Step(kind, (number(1_000), chance.choice(_JUMPS)))
        case "retain":
            days = chance.choice((1, 2, 3, 6)), chance.choice((3, 4, 8)), chance.choice((9, 12, 30, 3_650))
            return Step(kind, days)
        case _:
            return Step(kind, (number(1_000), number(1_000)))


SERVICES = (
    "dead_letters", "store", "states", "workflow", "broker", "processing", "remote_processing", "persisting",
    "events", "commands", "cold", "archive", "link", "secret",
)  # fmt: skip


def _faults(chance: random.Random, *, often: bool) -> tuple[int, ...]:
    """Pairs of a call and what happens at it."""
    made: list[int] = []
    for _ in range(chance.choice((0, 1, 1, 1, 2) if often else (0, 0, 0, 1, 1, 2))):
        call = 1 + min(int(chance.expovariate(0.2)), 40)
        if chance.random() < 0.4:
            call = -1 - chance.randrange(2 * len(SERVICES))
        made += (call, chance.choice((*Fault, Fault.AWAY)))
    return tuple(made)


def faults_of(numbers: Sequence[int]) -> dict[int | str, Fault]:
    """The faults in the numbers of a step, by the number of the call or the service's name, for its first
    call of the step.
    """
    found: dict[int | str, Fault] = {}
    for call, fault in zip(numbers[::2], numbers[1::2], strict=True):
        found[SERVICES[(-1 - call) % len(SERVICES)] if call < 0 else call] = Fault(fault)
    return found


def shrunk(steps: Sequence[Step], fails: Callable[[Sequence[Step]], bool]) -> list[Step]:
    """The shortest list that still fails, of those that are found by leaving out steps and their faults."""
    left = list(steps)
    size = len(left) // 2
    while size:
        at = 0
        while at < len(left):
            tried = left[:at] + left[at + size :]
            if fails(tried):
                left = tried
            else:
                at += size
        size //= 2
    for at, step in enumerate(left):
        for simpler in _simpler(step):
            tried = [*left[:at], simpler, *left[at + 1 :]]
            if fails(tried):
                left[at] = simpler
                break
    return left


def _simpler(step: Step) -> list[Step]:
    if step.kind not in ("work", "to_cold", "to_archive", "read") or len(step.numbers) < 3:
        return []
    which, how, *faults = step.numbers
    kept = [faults[at : at + 2] for at in range(0, len(faults), 2)]
    return [
        Step(step.kind, (which, calm, *some))
        for calm in (0, how)
        for some in ([], *(kept if len(kept) > 1 else []), faults)
        if (calm, list(some)) != (how, faults)
    ]
