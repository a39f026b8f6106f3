"""Ranges on hold: rows that were brought back into the hot store, which the mover leaves there for a while.

A hold is put before the rows are written, and the rows have `expires` = `until`: by that the mover tells them
from others in the range, which it moves as ever. Their files stay, so nothing is lost when they go: by the
store's own expiry, or, where there is none, by the mover.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
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

    def __init__(self, found: Sequence[Hold]) -> None:
        self._of: dict[str, list[Hold]] = {}
        for hold in found:
            self._of.setdefault(hold.device, []).append(hold)

    def covers(self, row: Row) -> bool:
        return any(hold.covers(row) for hold in self._of.get(row.device, ()))


def put(store: Store, hold: Hold, *, clock: Callable[[], float] = time.time) -> None:
    """Put a range on hold, before its rows are written. Doing it again is doing it once.

    Raises `ValueError` for a range or an end that cannot be, and `errors.Retry`.
    """
    if not times.normalise(hold.start) == hold.start < hold.end == times.normalise(hold.end):
        raise ValueError("A hold needs a start before its end, both in UTC with six fractional digits.")
    if not 0 < hold.until - clock() <= LONGEST_DAYS * 86_400:
        raise ValueError(f"A hold ends in the future, and within {LONGEST_DAYS} days.")
    notes.write_all(store, [_note(hold)])


def read(store: Store) -> list[Hold]:
    """The holds whose rows may still be there; raises `errors.Retry`."""
    return [Hold(*jsontext.loads(row.data, max_bytes=10_000)) for row in notes.read(store, DEVICE)]


def remove(store: Store, hold: Hold) -> None:
    """Take away the note of a hold; raises `errors.Retry`."""
    store.delete(DEVICE, [_note(hold).key])


def _note(hold: Hold) -> Row:
    text = jsontext.canonical([hold.device, hold.start, hold.end, hold.until])
    id = sha256(text.encode("ascii")).hexdigest()[:32]
    return notes.note(DEVICE, id, text, expires=hold.until + _GRACE)
