"""The rows of the hot store that are due for the cold tier, day by day.

A row is due when the whole day of its event is as many days old as the twin keeps events in the hot store
(see `due_before`). A day is moved at once, in few large files: a row at a time, as each comes of age, would
be thousands of small ones.

Devices take turns. In a turn each causes a bounded number of files, the oldest days first, so that one with
rows of hundreds of days does not keep the others waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from twin_runtime import times
from twin_runtime.ports import Row, Store
from twin_runtime.storage.holds import Holds
from twin_runtime.storage.lifetimes import LATE_S
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
_WRITTEN_S = 3_600
"""By as much a day is older than a late row's: what is being written then, and is not late, is there."""

Start = tuple[str, str | None]
"""A time from which on, and a key after which, a device's rows are looked for."""


def cutoff(now: float, days: int) -> str:
    """The start of the oldest day that is not yet `days` old as a whole: what is before it is due."""
    return first_of(day_of(times.from_epoch(now - days * _DAY)))


def due_before(now: float, hot_days: int) -> str:
    """The time before which all rows are due. Rows of before it that are not there yet are noted as late."""
    return first_of(day_of(times.from_epoch(now - max(hot_days * _DAY, LATE_S) - _WRITTEN_S)))


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one day, by device and key. With them, all rows of the devices in `reached` are taken that are
    before the end of a day, or up to a key.
    """

    rows: list[Row]
    reached: Mapping[str, str]


class _Waiting(NamedTuple):
    """The oldest due row of a device, of those that the run has not taken yet."""

    time: str
    after: str | None


class Turns:
    """The due rows of devices of one type: those before the time `before`, from each device's start on."""

    def __init__(
        self,
        store: Store,
        starts: Mapping[str, Start],
        *,
        before: str,
        holds: Holds,
        ended: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._starts = starts
        self._before = before
        self._last = day_before(day_of(before))
        self._holds = holds
        self._ended = ended
        self._waiting: dict[str, _Waiting] = {}

    @property
    def oldest(self) -> str | None:
        """The time of the oldest row that is due and not taken, as far as is known."""
        return min((each.time for each in self._waiting.values()), default=None)

    def skip(self, devices: Iterable[str]) -> None:
        """Take no more rows of these devices, whose oldest are still to be moved."""
        for device in devices:
            self._waiting.pop(device, None)

    def all(self) -> Iterator[Batch]:
        """Turn after turn, until no device is waiting."""
        yield from self.next()
        while self._waiting and not self._ended():
            yield from self.next()

    def next(self) -> Iterator[Batch]:
        """The batches of one turn: the first is of all devices, each other one of those that wait. Each is
        taken when the next one is asked for.

        Rows that are deleted or written meanwhile may or may not be met. Stops early when it has ended.
        """
        upcoming: dict[str, list[str]] = {}
        reached: dict[str, str] = {}
        for device in list(self._waiting) or self._starts:
            if self._ended():
                break
            if device in self._waiting or self._look(device, *self._starts[device]):
                upcoming.setdefault(day_of(self._waiting[device].time), []).append(device)
            else:
                reached[device] = self._last
        if reached:
            yield Batch([], reached)
        files = dict.fromkeys(self._waiting, 0)
        while upcoming and not self._ended():
            day = min(upcoming)
            batch: list[Row] = []
            size = 0
            reached = {}
            for device in sorted(upcoming.pop(day)):
                if device not in self._waiting:
                    continue
                if self._ended():
                    return
                files[device] += 1
                for row in self._of(device, day):
                    batch.append(row)
                    size += len(row.data)
                    if len(batch) >= MAX_ROWS or size >= MAX_BYTES:
                        yield Batch(batch, reached | {device: row.key})
                        batch, size, reached = [], 0, {}
                        files[device] += 1
                        if device not in self._waiting:
                            break
                        if files[device] > FILES_PER_TURN:
                            if not self._look(device, row.time, row.key):
                                reached[device] = self._last
                            break
                else:
                    if self._look(device, _end(day)):
                        reached[device] = day
                        if files[device] < FILES_PER_TURN:
                            upcoming.setdefault(day_of(self._waiting[device].time), []).append(device)
                    else:
                        reached[device] = self._last
            if batch or reached:
                yield Batch(batch, reached)

    def _look(self, device: str, start: str, after: str | None = None) -> bool:
        """Whether a device's first row from `start` on, and after a key, is due: the device then waits."""
        row = next(self._free(device, start, self._before, first=1, after=after), None)
        if row is None:
            self._waiting.pop(device, None)
            return False
        self._waiting[device] = _Waiting(row.time, after)
        return True

    def _of(self, device: str, day: str) -> Iterator[Row]:
        """A device's day, from the row on for which it waits."""
        time, after = self._waiting[device]
        return self._free(device, time, _end(day), first=_FIRST_PAGE, after=after)

    def _free(
        self, device: str, start: str, end: str, *, first: int, after: str | None = None
    ) -> Iterator[Row]:
        for row in read(self._store, device, start=start, end=end, first=first, after=after):
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


def day_before(day: str) -> str:
    """The day before; empty for the first day there is."""
    that = date.fromisoformat(day)
    return (that - timedelta(1)).isoformat() if that > date.min else ""


def _end(day: str) -> str:
    """Where a day ends."""
    after = next_day(day)
    return first_of(after) if after > day else times.LATEST
