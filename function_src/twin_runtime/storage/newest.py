"""The newest row of each of many devices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from twin_runtime import times
from twin_runtime.ports import Row, Store

_READERS = 16
_AT_A_TIME = 256
"""How many rows are held at most."""


def rows(store: Store, devices: Sequence[str]) -> Iterator[Row]:
    """In the order of `devices`; one that has no row is left out."""
    if len(devices) < 2:
        yield from (row for device in devices if (row := _newest(store, device)) is not None)
        return
    from concurrent.futures import ThreadPoolExecutor

    # A store takes some milliseconds for each, whatever their number.
    with ThreadPoolExecutor(min(_READERS, len(devices))) as pool:
        for start in range(0, len(devices), _AT_A_TIME):
            for row in pool.map(lambda device: _newest(store, device), devices[start : start + _AT_A_TIME]):
                if row is not None:
                    yield row


def _newest(store: Store, device: str) -> Row | None:
    page = store.query(device, start=times.EARLIEST, end=times.LATEST, limit=1, cursor=None, descending=True)
    return page.rows[0] if page.rows else None
