"""The rows of the hot store that are due for the cold tier, day by day.

A row is due when the whole day of its event is `hot_days` old. A day is then moved at once, in few large
files: a row at a time, as each comes of age, would be thousands of small ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta

from . import times
from .holds import Holds
from .ports import Row, Store
from .tier_files import day_of, first_of

MAX_ROWS = 5_000
MAX_BYTES = 8_000_000
"""Of the rows' data. Both bound what a mover holds in memory, and the size of a file."""
_PAGE = 500
_FIRST_PAGE = 100
"""What it holds of the next day is read again with that day."""
_DAY = 86_400


def cutoff(now: float, days: int) -> str:
    """The start of the oldest day that is not yet `days` old as a whole: what is before it is due."""
    return first_of(day_of(times.from_epoch(now - days * _DAY)))


def batches(
    store: Store,
    devices: Sequence[str],
    *,
    before: str,
    holds: Holds,
    ended: Callable[[], bool] = lambda: False,
) -> Iterator[list[Row]]:
    """The due rows of devices of one type. A batch is of one day, and by device and key.

    Rows that are deleted or written meanwhile may or may not be met. Stops early when it has `ended`.
    """
    upcoming: dict[str, list[str]] = {}
    for device in devices:
        if ended():
            return
        row = next(_free(store, device, times.EARLIEST, before, holds, first=1), None)
        if row is not None:
            upcoming.setdefault(day_of(row.time), []).append(device)
    while upcoming:
        day = min(upcoming)
        after = next_day(day)
        batch: list[Row] = []
        size = 0
        for device in sorted(upcoming.pop(day)):
            if ended():
                return
            for row in _free(store, device, first_of(day), before, holds, first=_FIRST_PAGE):
                if row.time >= first_of(after):
                    upcoming.setdefault(day_of(row.time), []).append(device)
                    break
                batch.append(row)
                size += len(row.data)
                if len(batch) >= MAX_ROWS or size >= MAX_BYTES:
                    yield batch
                    batch, size = [], 0
        if batch:
            yield batch


def read(store: Store, device: str, *, start: str, end: str, first: int = _PAGE) -> Iterator[Row]:
    """The rows of a device with start <= time < end, in order; `first` is how many are asked for at first."""
    cursor, wanted = None, first
    while True:
        page = store.query(device, start=start, end=end, limit=wanted, cursor=cursor, descending=False)
        yield from page.rows
        if not page.rows or (len(page.rows) < wanted and not page.more):
            return
        cursor, wanted = page.rows[-1].key, _PAGE


def _free(store: Store, device: str, start: str, end: str, holds: Holds, *, first: int) -> Iterator[Row]:
    for low, high in holds.free(device, start, end):
        for row in read(store, device, start=low, end=high, first=first):
            if not holds.covers(row):
                yield row


def next_day(day: str) -> str:
    """The day after; of the last day there is, that day."""
    that = date.fromisoformat(day)
    return (that + timedelta(1)).isoformat() if that < date.max else day
