"""The newest row of each of many devices, of those whose time is plausible.

Rows of earlier releases may be of any year to come. None of them is the newest before its time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from twin_runtime import times
from twin_runtime.events import clocks
from twin_runtime.model import Twin
from twin_runtime.ports import Row, Store

_READERS = 16
AT_A_TIME = 256
"""How many rows are held at most."""


def rows(store: Store, devices: Sequence[str], now: float) -> Iterator[Row]:
    """In the order of `devices`; one that has no row is left out."""
    end = clocks.latest(now)
    if len(devices) < 2:
        yield from (row for device in devices if (row := _newest(store, device, end)) is not None)
        return
    from concurrent.futures import ThreadPoolExecutor

    # A store takes some milliseconds for each, whatever their number.
    with ThreadPoolExecutor(min(_READERS, len(devices))) as pool:
        for start in range(0, len(devices), AT_A_TIME):
            some = devices[start : start + AT_A_TIME]
            for row in pool.map(lambda device: _newest(store, device, end), some):
                if row is not None:
                    yield row


def is_shown(row: Row, twin: Twin, now: float) -> bool:
    """Whether a row is shown to readers. Databases delete what has expired some time later, each in its own
    time. Where there is a cold tier, what has expired and is still there may be in no file yet.
    """
    return row.expires > now or twin.cold_days is not None


def _newest(store: Store, device: str, end: str) -> Row | None:
    page = store.query(device, start=times.EARLIEST, end=end, limit=1, cursor=None, descending=True)
    return page.rows[0] if page.rows else None
