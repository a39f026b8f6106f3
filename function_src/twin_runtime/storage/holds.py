"""Ranges on hold: rows that were brought back into the hot store, which the mover leaves there for a while.

A hold is put before the rows are written, and the rows have `expires` = `until`: by that the mover tells them
from others in the range, which it moves as ever. So that none of those waits too long, a hold ends within
`LONGEST_DAYS`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from twin_runtime import jsontext, times
from twin_runtime.ports import Row, Store
from twin_runtime.storage import notes

DEVICE = "~holds"
LONGEST_DAYS = 14
_GRACE = 30 * 86_400
"""Seconds for which rows that have expired may still be there: databases take their time to delete them."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Rows of `device` with start <= time < end stay until `until`, in Unix time."""

    device: str
    start: str
    end: str
    until: int

    def covers(self, row: Row) -> bool:
        """Whether the row is one that was brought back."""
        return row.device == self.device and self.start <= row.time < self.end and row.expires == self.until


class Holds:
    """The holds that a mover minds."""

    def __init__(self, found: Sequence[Hold], now: float) -> None:
        self._now = now
        self._of: dict[str, list[Hold]] = {}
        for hold in sorted(found, key=lambda each: each.start):
            self._of.setdefault(hold.device, []).append(hold)

    def covers(self, row: Row) -> bool:
        return any(hold.covers(row) for hold in self._of.get(row.device, ()))

    def free(self, device: str, start: str, end: str) -> Iterator[tuple[str, str]]:
        """The parts of a range of times that are not on hold now, in order."""
        for hold in self._of.get(device, ()):
            if hold.until <= self._now or hold.end <= start or hold.start >= end:
                continue
            if start < hold.start:
                yield start, hold.start
            start = max(start, hold.end)
        if start < end:
            yield start, end


def put(store: Store, hold: Hold, *, clock: Callable[[], float] = time.time) -> None:
    """Put a range on hold, before its rows are written. Doing it again is doing it once.

    Raises `ValueError` for a range or an end that cannot be, and `errors.Retry`.
    """
    if not times.normalise(hold.start) == hold.start < hold.end == times.normalise(hold.end):
        raise ValueError("A hold needs a start before its end, both in UTC with six fractional digits.")
    if not 0 < hold.until - clock() <= LONGEST_DAYS * 86_400:
        raise ValueError(f"A hold ends in the future, and within {LONGEST_DAYS} days.")
    text = jsontext.canonical([hold.device, hold.start, hold.end, hold.until])
    id = sha256(text.encode("ascii")).hexdigest()[:32]
    notes.write(store, DEVICE, id, text, expires=hold.until + _GRACE)


def read(store: Store, *, clock: Callable[[], float] = time.time) -> list[Hold]:
    """The holds whose rows may still be there; raises `errors.Retry`."""
    now = clock()
    found = [Hold(*jsontext.loads(row.data, max_bytes=10_000)) for row in notes.read(store, DEVICE)]
    return [hold for hold in found if hold.until + _GRACE > now]
