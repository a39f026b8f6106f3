"""Puts rows back into the hot store, for a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from operations.errors import OperationError
from restore.files import Range
from twin_runtime.log import Log
from twin_runtime.ports import Row, Store
from twin_runtime.storage import holds, rows
from twin_runtime.storage.holds import Hold
from twin_runtime.tiers import due_rows

_DAY = 86_400
_SAME = 3_600
"""Seconds within which a command is thought to have been run again, not anew."""
_AT_ONCE = 500
_SILENT = Log("restore", lambda _level, _line: None)


@dataclass(frozen=True, slots=True)
class Brought:
    """How many rows are in the hot store until when, in Unix time."""

    rows: int
    until: int


class Bringer:
    """Brings the rows of a range back into a hot store."""

    def __init__(self, store: Store, wanted: Range, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._wanted = wanted
        self._clock = clock

    def bring(self, found: Iterable[Row], *, days: int) -> Brought:
        """Write the rows so that they expire in `days`; raises `Retry` and `OperationError`.

        The range is put on hold first, so that the mover leaves it alone. A second run within an hour of the
        first, or for fewer days, has the hold of the first, and writes the same rows over themselves; a later
        one makes their time longer.
        """
        hold = self._hold(days)
        holds.put(self._store, hold, clock=self._clock)
        count = 0
        for batch in _batches(replace(row, expires=hold.until) for row in found):
            for lost in rows.store(self._store, batch, _SILENT).values():
                raise OperationError(
                    f"{lost.reason} Run the command again: what was written is written once."
                )
            count += len(batch)
        if (there := sum(1 for _ in self._there(hold))) < count:
            raise OperationError(
                f"Of {count} rows {there} are in the hot store: a mover that had just moved the others "
                "deleted them. Run the command again."
            )
        return Brought(count, hold.until)

    def _hold(self, days: int) -> Hold:
        """One that is there for all of the range, where it lasts as long as is asked for."""
        wanted = self._wanted
        until = int(self._clock()) + days * _DAY
        before = [
            hold
            for hold in holds.read(self._store, clock=self._clock)
            if hold.device == wanted.device
            and hold.start <= wanted.start
            and wanted.end <= hold.end
            and hold.until > until - _SAME
        ]
        made = Hold(wanted.device, wanted.start, wanted.end, until)
        return max(before, key=lambda hold: hold.until, default=made)

    def _there(self, hold: Hold) -> Iterator[Row]:
        found = due_rows.read(self._store, hold.device, start=hold.start, end=hold.end)
        return (row for row in found if hold.covers(row))


def _batches(found: Iterable[Row]) -> Iterator[list[Row]]:
    rest = iter(found)
    while batch := list(islice(rest, _AT_ONCE)):
        yield batch
