"""What movers write down in the hot store: rows of devices whose names no device can have."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from twin_runtime import times
from twin_runtime.errors import Retry
from twin_runtime.log import Log
from twin_runtime.ports import Row, Store
from twin_runtime.storage import rows

_NOTE = "twinspan.note.v1"
"""The type of their rows, and the version of their form."""
_PAGE = 500
_SILENT = Log("notes", lambda _level, _line: None)
_TRACE = f"00-{'0' * 31}1-{'0' * 15}1-00"


def write(
    store: Store,
    device: str,
    id: str,
    data: str,
    *,
    expires: int = rows.FOREVER,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Write a note, in place of one of the same id; raises `Retry`."""
    write_all(store, [note(device, id, data, expires=expires)], sleep=sleep)


def write_all(store: Store, found: Sequence[Row], *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Write several notes; raises `Retry` when one is not durable."""
    for lost in rows.store(store, found, _SILENT, sleep=sleep).values():
        raise Retry(lost.reason)


def note(device: str, id: str, data: str, *, expires: int = rows.FOREVER) -> Row:
    """The row of a note. All are of one moment, so that they are in the order of their ids."""
    return Row(device, times.EARLIEST, id, _NOTE, data, _TRACE, expires)


def find(store: Store, device: str, id: str) -> Row | None:
    """The note of an id, None where there is none; raises `Retry`."""
    key = note(device, id, "").key
    # No key is between this one and the cursor: no id has a '!'.
    page = store.query(
        device, start=times.EARLIEST, end=times.LATEST, limit=1, cursor=f"{key}!", descending=True
    )
    return next((_known(row) for row in page.rows if row.key == key), None)


def read(store: Store, device: str) -> Iterator[Row]:
    """The notes of a device, by id; their keys are those to delete. Raises `Retry`, also where a newer
    release wrote one in a form that this one does not read.
    """
    cursor: str | None = None
    while True:
        page = store.query(
            device,
            start=times.EARLIEST,
            end=times.LATEST,
            limit=_PAGE,
            cursor=cursor,
            descending=False,
        )
        yield from map(_known, page.rows)
        if not page.rows or (len(page.rows) < _PAGE and not page.more):
            return
        cursor = page.rows[-1].key


def _known(row: Row) -> Row:
    rows.check_version(row, _NOTE)
    return row
