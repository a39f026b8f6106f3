"""How far the time of a reading may be from the time at which the broker took it.

A device says itself when it measured, and its clock can be wrong or set on purpose. A time that is far ahead
would be the device's newest value until then. Each day in the past is a file of its own in the cold tier.
"""

from __future__ import annotations

from dataclasses import dataclass

from twin_runtime import times

AHEAD_S = 600
"""A clock that nobody sets drifts by seconds a day. One that is hours ahead is in a wrong time zone."""
BEHIND_DAYS = 366
"""A device may send what it kept during an outage of a year. A clock that starts at 1970 is out."""
_DAY = 86_400


def latest(now: float) -> str:
    """The latest time of an event that is known at `now`, in the fixed-width form."""
    return times.from_epoch(now + AHEAD_S)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The earliest and the latest time that a reading may have, both in the fixed-width form."""

    earliest: str
    latest: str

    @classmethod
    def around(cls, received: str, now: float) -> Bounds:
        """The bounds of a message that the broker took at `received`, or `now` where that is no time.

        A message that is delivered late, or sent again from the dead letters, has the bounds that it had.
        """
        try:
            return cls._at(times.to_epoch(times.normalise(received)))
        except (ValueError, OverflowError):
            return cls._at(now)

    @classmethod
    def _at(cls, taken: float) -> Bounds:
        return cls(times.from_epoch(taken - BEHIND_DAYS * _DAY), latest(taken))

    def check(self, time: str) -> str:
        """The time; raises `ValueError` with one sentence."""
        if time > self.latest:
            raise ValueError(
                f"The time is more than {AHEAD_S // 60} minutes after the broker received the message; "
                "set the device's clock."
            )
        if time < self.earliest:
            raise ValueError(
                f"The time is more than {BEHIND_DAYS} days before the broker received the message; "
                "set the device's clock."
            )
        return time
