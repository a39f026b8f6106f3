"""The options of a run, checked when they are created."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from simulator.errors import SimulatorError
from simulator.faults import Fault

MOST_PER_MESSAGE = 500
"""`twin_runtime.events.payload.MAX_READINGS`."""


@dataclass(frozen=True, slots=True)
class Options:
    """`rate` is in readings per second of the whole fleet. A run ends after `count` readings or `duration`
    seconds, whichever is first, or when it is stopped. Shares are from 0 to 1, those of faults are of
    messages. `timeout` is how long a message may take to be acknowledged, in seconds. `run` begins every id.
    """

    rate: float = 1.0
    count: int | None = None
    duration: float | None = None
    per_message: int = 1
    trip: float = 0.0
    flat: bool = False
    commands: bool = True
    timeout: float = 10.0
    shares: Mapping[Fault, float] = field(default_factory=dict)
    seed: int = field(default_factory=lambda: secrets.randbelow(10**6))
    run: str = field(default_factory=lambda: f"{time.time_ns() // 1_000_000:x}")

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise SimulatorError(problem)

    def _problems(self) -> Iterator[str]:
        for name in ("rate", "duration", "timeout", "count"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                yield f"{name} must be more than 0, got {value}."
        if not 1 <= self.per_message <= MOST_PER_MESSAGE:
            yield f"A message holds 1 to {MOST_PER_MESSAGE} readings, got {self.per_message}."
        for name, share in {"trip": self.trip, **{str(fault): s for fault, s in self.shares.items()}}.items():
            if not 0 <= share <= 1:
                yield f"The fraction {name} must be from 0 to 1, got {share}."
        if sum(self.shares.values()) > 1:
            yield "The fractions of the faults add up to more than 1; lower them, since a message has one."
        timed = (Fault.LATE, Fault.WRONG_CLOCK, Fault.OUT_OF_ORDER)
        if self.flat and any(self.shares.get(fault) for fault in timed):
            yield "late, wrong_clock and out_of_order need readings with a time; leave out flat."
