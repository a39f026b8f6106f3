"""Between events and rows of the store."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from twin_runtime import jsontext, times
from twin_runtime.errors import Retry
from twin_runtime.events import cloudevents
from twin_runtime.events.clocks import AHEAD_S
from twin_runtime.log import Log, failure
from twin_runtime.model import Twin
from twin_runtime.ports import Event, Row, Store, Unstored

FOREVER = 253_402_300_799
"""The last second of the year 9999, in Unix time: the latest that every store can keep."""
_DAY = 86_400
_TRIES = 4
_FIRST_DELAY = 0.1


def from_event(event: Event, twin: Twin, now: float) -> Row:
    """The row of a checked telemetry event.

    It expires `expire_days` after it is written: a device with a wrong clock, or one that was away for long,
    does not lose its data at once. Where there is a cold tier, the mover takes an event when it is `hot_days`
    old, which for one of the next minutes is later: then the days count from the event's own time. A time
    further ahead is wrong, and makes no row last longer.
    """
    since = now
    if twin.cold_days is not None:
        since = max(now, min(times.to_epoch(event["time"]), now + AHEAD_S))
    return Row(
        device=cloudevents.device_of(event, twin),
        time=event["time"],
        id=event["id"],
        type=event["type"],
        data=jsontext.dumps(event["data"]),
        traceparent=event["traceparent"],
        expires=int(since) + twin.expire_days * _DAY,
    )


def to_json(row: Row, twin: Twin, device_type: str | None = None) -> str:
    """The event of a row, as JSON text: the data is put in as it was stored, so every value is exact.

    `device_type` is needed of a device that the twin has no more.
    """
    head = _without_data(row, twin, device_type)
    del head["data"]
    return f'{jsontext.dumps(head)[:-1]},"data":{row.data}}}'


def to_event(row: Row, twin: Twin) -> Event:
    """The event of a row."""
    event = _without_data(row, twin, None)
    event["data"] = jsontext.loads(row.data, max_bytes=cloudevents.MAX_EVENT_BYTES)
    return event


def _without_data(row: Row, twin: Twin, device_type: str | None) -> Event:
    return cloudevents.make(
        row.type,
        twin=twin.name,
        device=row.device,
        subject=device_type or twin.devices[row.device],
        data={},
        time=row.time,
        id=row.id,
        traceparent=row.traceparent,
    )


def store(
    target: Store,
    rows: Sequence[Row],
    log: Log,
    *,
    deadline: float = math.inf,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[int, Unstored]:
    """Write the rows, trying again what the store did not take; returns what it did not take in the end, by
    position. After `deadline`, in `time.monotonic` seconds, nothing is tried again.

    A row that is there twice is written once. Raises `Retry` when nothing could be written at all.
    """
    first: dict[tuple[str, str], int] = {}
    for position, row in enumerate(rows):
        first.setdefault((row.device, row.key), position)
    lost = _store(target, {position: rows[position] for position in first.values()}, log, deadline, sleep)
    return {
        position: lost[same]
        for position, row in enumerate(rows)
        if (same := first[(row.device, row.key)]) in lost
    }


def _store(
    target: Store, pending: dict[int, Row], log: Log, deadline: float, sleep: Callable[[float], None]
) -> dict[int, Unstored]:
    lost: dict[int, Unstored] = {}
    written = False
    for attempt in range(_TRIES):
        if attempt:
            sleep(_FIRST_DELAY * 2 ** (attempt - 1))
        positions = list(pending)
        last = attempt + 1 == _TRIES or time.monotonic() >= deadline
        try:
            missed = target.put(list(pending.values()))
            written = True
        except Exception as error:
            reason = error.reason if isinstance(error, Retry) else f"The store failed ({failure(error)})."
            log.warning("store_failed", reason=reason, rows=len(pending), attempt=attempt + 1)
            if last and not written:
                raise error if isinstance(error, Retry) else Retry(reason) from error
            missed = [Unstored(index, reason) for index in range(len(positions))]
        again = {positions[each.index]: each for each in missed if not each.permanent}
        lost.update((positions[each.index], each) for each in missed if each.permanent)
        pending = {position: pending[position] for position in again}
        if not pending:
            return lost
        if last:
            lost.update(again)
            break
    return lost
