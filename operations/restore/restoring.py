"""Load rows into the hot store for some days."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice

from operations.errors import OperationError
from operations.restore.files import Range
from twin_runtime.log import Log
from twin_runtime.ports import Row, Store
from twin_runtime.storage import holds, rows
from twin_runtime.storage.holds import Hold
from twin_runtime.tiers import due_rows

_DAY = 86_400
_SAME = 3_600
"""Seconds within which a repeated command counts as the same run."""
_AT_ONCE = 500
_SILENT = Log("restore", lambda _level, _line: None)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The number of rows in the hot store, and the Unix time at which they expire. `left_out`: times and ids
    of which there is another row, with other data.
    """

    rows: int
    until: int
    left_out: tuple[str, ...] = ()


def load(
    store: Store, found: Iterable[Row], wanted: Range, *, days: int, clock: Callable[[], float] = time.time
) -> Loaded:
    """Write the rows of a range so that they expire in `days`; raises `Retry` and `OperationError`.

    A hold on the range is written first, so that cold_mover skips the range. A second run within an hour of
    the first, or for fewer days, reuses the first hold and overwrites the same rows. A later run extends the
    time. The hot store takes the first of two rows with one key.
    """
    hold = _hold(store, wanted, days, clock)
    holds.put(store, hold, clock=clock)
    left_out: list[str] = []

    def firsts() -> Iterator[Row]:
        for key, same in groupby(found, lambda row: row.key):
            first, *others = same
            left_out.extend(key for _ in others)
            yield first._replace(expires=hold.until)

    count, rest = 0, firsts()
    while batch := list(islice(rest, _AT_ONCE)):
        for lost in rows.store(store, batch, _SILENT).values():
            raise OperationError(f"{lost.reason} Run the command again; rows are stored once.")
        count += len(batch)
    present = due_rows.read(store, hold.device, start=hold.start, end=hold.end)
    if (there := sum(hold.covers(row) for row in present)) < count:
        raise OperationError(
            f"Only {there} of {count} rows are in the hot store: cold_mover has just moved this range and "
            "deleted the others. Run the command again."
        )
    return Loaded(count, hold.until, tuple(left_out))


def _hold(store: Store, wanted: Range, days: int, clock: Callable[[], float]) -> Hold:
    """Return an existing hold on the whole range that lasts long enough, or a new one."""
    until = int(clock()) + days * _DAY
    before = [
        hold
        for hold in holds.read(store)
        if hold.device == wanted.device
        and hold.start <= wanted.start
        and wanted.end <= hold.end
        and hold.until > until - _SAME
    ]
    made = Hold(wanted.device, wanted.start, wanted.end, until)
    return max(before, key=lambda hold: hold.until, default=made)
