"""The rows of the hot store that are due for the cold tier, day by day.

A row is due when the whole day of its event is as many days old as the twin keeps events in the hot store
(see `due_before`), and when the store would delete it before long. A day is moved at once, in few
large files: a row at a time, as each comes of age, would be thousands of small ones.

Devices take turns. In a turn each causes a bounded number of files, the oldest days first, so that one with
rows of hundreds of days does not keep the others waiting.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from twin_runtime import times
from twin_runtime.model import Twin
from twin_runtime.ports import Row, Store
from twin_runtime.storage import lifetimes
from twin_runtime.storage.holds import Holds
from twin_runtime.tiers.tier_files import day_of, first_of

MAX_ROWS = 5_000
MAX_BYTES = 8_000_000
"""Of the rows' data. Both bound what a mover holds in memory, and the size of a file."""
FILES_PER_TURN = 8
"""More would let a device with a file for each of its days keep others waiting; with fewer, a day that two
devices have in common is more often two files."""
_PAGE = 500
_FIRST_PAGE = 100
"""Most devices have fewer rows than a page holds in a day."""
_DAY = 86_400


def cutoff(now: float, days: int) -> str:
    """The start of the oldest day that is not yet `days` old as a whole: what is before it is due."""
    return first_of(day_of(times.from_epoch(now - days * _DAY)))


def due_before(store: Store, twin: Twin, now: float) -> str:
    """The time before which all rows are due: those that are `hot_days` old, and those that were so by the
    `hot_days` of the day when they were written. Raises `errors.Retry`.
    """
    before = cutoff(now, twin.hot_days)
    for days, until in lifetimes.noted(store):
        if days < twin.expire_days:
            before = max(before, min(times.from_epoch(until), cutoff(now, days - twin.safety_days)))
    return before


@dataclass(frozen=True, slots=True)
class Due:
    """A row is due when its event is from before `before`, or when it expires by `expires`, in Unix time.

    The second finds what the first does not know of, as long as the oldest rows of a device expire first.
    """

    before: str
    expires: float = -math.inf

    def has(self, row: Row) -> bool:
        return row.time < self.before or row.expires <= self.expires


class Waiting(NamedTuple):
    """The oldest due row of a device, of those that the run has not taken yet."""

    time: str
    expires: int


class Turns:
    """The due rows of devices of one type. `waiting` are the devices that have some, as far as is known."""

    def __init__(
        self,
        store: Store,
        devices: Sequence[str],
        *,
        due: Due,
        holds: Holds,
        ended: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._devices = devices
        self._due = due
        self._holds = holds
        self._ended = ended
        self.waiting: dict[str, Waiting] = {}

    def all(self) -> Iterator[list[Row]]:
        """Turn after turn, until no device is waiting."""
        yield from self.next()
        while self.waiting and not self._ended():
            yield from self.next()

    def next(self) -> Iterator[list[Row]]:
        """The batches of one turn: the first is of all devices, each other one of those that wait. A batch is
        of one day, and by device and key; it is taken when the next one is asked for.

        Rows that are deleted or written meanwhile may or may not be met. Stops early when it has ended.
        """
        upcoming: dict[str, list[str]] = {}
        for device in list(self.waiting) or self._devices:
            if self._ended():
                return
            if device in self.waiting or self._look(device, times.EARLIEST):
                upcoming.setdefault(day_of(self.waiting[device].time), []).append(device)
        files = dict.fromkeys(self.waiting, 0)
        while upcoming:
            day = min(upcoming)
            batch: list[Row] = []
            size = 0
            through: list[str] = []
            for device in sorted(upcoming.pop(day)):
                if self._ended():
                    return
                files[device] += 1
                for row in self._of(device, day):
                    batch.append(row)
                    size += len(row.data)
                    if len(batch) >= MAX_ROWS or size >= MAX_BYTES:
                        yield batch
                        batch, size = [], 0
                        files[device] += 1
                        if files[device] > FILES_PER_TURN:
                            self._look(device, row.time, after=row.key)
                            break
                else:
                    through.append(device)
            if batch:
                yield batch
            for device in through:
                if self._look(device, _end(day)) and files[device] < FILES_PER_TURN:
                    upcoming.setdefault(day_of(self.waiting[device].time), []).append(device)

    def _look(self, device: str, start: str, *, after: str | None = None) -> bool:
        """Whether a device's first row from `start` on, or after a key, is due: the device then waits."""
        row = next(self._free(device, start, times.LATEST, first=1, after=after), None)
        if row is None or not self._due.has(row):
            self.waiting.pop(device, None)
            return False
        self.waiting[device] = Waiting(row.time, row.expires)
        return True

    def _of(self, device: str, day: str) -> Iterator[Row]:
        """What is due of a device's day, from the row on for which it waits."""
        for row in self._free(device, self.waiting[device].time, _end(day), first=_FIRST_PAGE):
            if not self._due.has(row):
                return
            yield row

    def _free(
        self, device: str, start: str, end: str, *, first: int, after: str | None = None
    ) -> Iterator[Row]:
        for low, high in self._holds.free(device, start, end):
            for row in read(self._store, device, start=low, end=high, first=first, after=after):
                if not self._holds.covers(row):
                    yield row


def read(
    store: Store, device: str, *, start: str, end: str, first: int = _PAGE, after: str | None = None
) -> Iterator[Row]:
    """The rows of a device with start <= time < end, in order, and after a key; `first` is how many are asked
    for at first.
    """
    cursor, wanted = after, first
    while True:
        page = store.query(device, start=start, end=end, limit=wanted, cursor=cursor, descending=False)
        yield from page.rows
        if not page.rows or (len(page.rows) < wanted and not page.more):
            return
        cursor, wanted = page.rows[-1].key, _PAGE


def next_day(day: str) -> str:
    """The day after; of the last day there is, that day."""
    that = date.fromisoformat(day)
    return (that + timedelta(1)).isoformat() if that < date.max else day


def _end(day: str) -> str:
    """Where a day ends."""
    after = next_day(day)
    return first_of(after) if after > day else times.LATEST
