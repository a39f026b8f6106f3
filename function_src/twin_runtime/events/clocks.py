"""How far the time of a reading may be from the time at which the broker received it.

The device says when it measured, and its clock can be wrong or set on purpose. A time that is far ahead would
be the device's newest value until then. Each day in the past is a file of its own in the cold tier.
"""

from __future__ import annotations

from dataclasses import dataclass

from twin_runtime import times
from twin_runtime.model import Clock
from twin_runtime.ports import Event

MOST_AHEAD_S = 3_600
"""No device type may allow more. A clock that nobody sets drifts by seconds a day; one that is hours ahead is
in a wrong time zone."""
AHEAD, BEHIND = "ahead", "behind"


def latest(now: float) -> str:
    """The latest time of an event that is plausible at `now`, in the fixed-width form."""
    return times.from_epoch(now + MOST_AHEAD_S)


@dataclass(frozen=True, slots=True)
class Bounds:
    """When the broker received a message, and the earliest and the latest time that a reading of it may have,
    all in the fixed-width form.
    """

    received: str
    earliest: str
    latest: str
    clock: Clock

    @classmethod
    def around(cls, received: str, clock: Clock, now: float) -> Bounds:
        """The bounds of a message that the broker received at `received`, or `now` where that is no time.

        A message that is delivered late, or sent again from the dead letters, has the bounds that it had.
        """
        try:
            return cls._at(times.normalise(received), clock)
        except (ValueError, OverflowError):
            return cls._at(times.from_epoch(now), clock)

    @classmethod
    def of(cls, event: Event, clock: Clock, now: float) -> Bounds:
        """The bounds of a telemetry event; around `now` for one that does not say when it was received."""
        return cls.around(event.get("received", ""), clock, now)

    @classmethod
    def _at(cls, received: str, clock: Clock) -> Bounds:
        at = times.to_epoch(received)
        earliest, last = times.from_epoch(at - clock.behind), times.from_epoch(at + clock.ahead)
        return cls(received, earliest, last, clock)

    def verdict(self, time: str) -> str:
        """`AHEAD`, `BEHIND`, or empty for a time within the bounds."""
        if time > self.latest:
            return AHEAD
        return BEHIND if time < self.earliest else ""

    def check(self, time: str) -> None:
        """Raise `ValueError` with one sentence for a time outside the bounds."""
        verdict = self.verdict(time)
        if verdict == AHEAD:
            limit, side = self.clock.ahead, "after"
        elif verdict == BEHIND:
            limit, side = self.clock.behind, "before"
        else:
            return
        raise ValueError(f"The time is more than {_words(limit)} {side} the broker received the message.")


def _words(seconds: int) -> str:
    units = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
    unit, name = next(each for each in units if not seconds % each[0]) if seconds else units[-1]
    number = seconds // unit
    return f"{number} {name}{'' if number == 1 else 's'}"
