"""Between events and rows of the store."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from twin_runtime import jsontext, times
from twin_runtime.errors import Retry
from twin_runtime.events import cloudevents
from twin_runtime.events.clocks import MOST_AHEAD_S
from twin_runtime.log import Log, reason_of
from twin_runtime.model import Twin
from twin_runtime.ports import CONFLICT, Event, Row, Store, Unstored

FOREVER = 253_402_300_799
"""The last second of the year 9999, in Unix time: the latest that every store can keep."""
_DAY = 86_400
_TRIES = 4
_FIRST_DELAY = 0.1


def from_event(event: Event, twin: Twin, now: float, text: str = "") -> Row:
    """The row of a checked telemetry event. `text` is the JSON of one that has its data there alone.

    It expires `expire_days` after it is written: a device with a wrong clock, or one that was away for long,
    does not lose its data at once. Where there is a cold tier, the mover takes an event when it is `hot_days`
    old, which for one of the next hour is later: then the days count from the event's own time. A time
    further ahead is of an earlier release, and makes no row last longer.
    """
    since = now
    if twin.cold_days is not None:
        since = max(now, min(times.to_epoch(event["time"]), now + MOST_AHEAD_S))
    return Row(
        device=event["source"].removeprefix(cloudevents.source(twin.name, "")),
        time=event["time"],
        id=event["id"],
        type=event["type"],
        data=jsontext.dumps(event["data"]) if "data" in event else cloudevents.data_of(text),
        traceparent=event["traceparent"],
        expires=int(since) + twin.expire_days * _DAY,
        subject=event["subject"],
        received=event.get("received", ""),
        device_time=event.get("devicetime", ""),
        clock=event.get("clock", ""),
    )


def to_json(row: Row, twin: Twin, device_type: str | None = None) -> str:
    """The event of a row, as JSON text: the data is put in as it was stored, so every value is exact.

    `device_type` is that of a row without its own; None is today's, which a device must have for it.
    """
    head = _without_data(row, twin, device_type)
    del head["data"]
    return f'{jsontext.dumps(head)[:-1]},"data":{row.data}}}'


def to_event(row: Row, twin: Twin) -> Event:
    """The event of a row."""
    event = _without_data(row, twin, None)
    event["data"] = jsontext.loads(row.data, max_bytes=cloudevents.MAX_STORED_BYTES)
    return event


def check_version(row: Row, known: str = cloudevents.TELEMETRY) -> None:
    """Raises `Retry` where the row is of a later version of the type `known`: a newer function reads it."""
    if row.type != known:
        try:
            cloudevents.check_version(row.type, known)
        except cloudevents.Newer as error:
            raise Retry(str(error)) from None


def _without_data(row: Row, twin: Twin, device_type: str | None) -> Event:
    check_version(row)
    return cloudevents.make(
        row.type,
        twin=twin.name,
        device=row.device,
        subject=row.subject or device_type or twin.devices[row.device],
        data={},
        time=row.time,
        id=row.id,
        traceparent=row.traceparent,
        received=row.received,
        device_time=row.device_time,
        clock=row.clock,
    )


def store(
    target: Store,
    rows: Sequence[Row],
    log: Log,
    *,
    deadline: float = math.inf,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[int, Unstored]:
    """Write the rows, in place of those with the same keys, trying again what the store did not take; returns
    what it did not take in the end, by position. After `deadline`, in `time.monotonic` seconds, nothing is
    tried again.

    A row that is there twice is written once. Raises `Retry` when nothing could be written at all.
    """
    first = _firsts(rows, range(len(rows)))
    pending = {position: rows[position] for position in first.values()}
    lost = _tried(target.put, pending, log, deadline, sleep)
    return {
        position: lost[same]
        for position, row in enumerate(rows)
        if (same := first[(row.device, row.key)]) in lost
    }


def store_if_absent(
    target: Store,
    rows: Sequence[Row],
    log: Log,
    *,
    deadline: float = math.inf,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[int, Unstored]:
    """As `store`, of rows whose keys are not there: one that is there with other content, in the store or
    before it in `rows`, is a permanent `ports.CONFLICT`.
    """
    lost: dict[int, Unstored] = {}
    left: Sequence[int] = range(len(rows))
    while left:
        first = _firsts(rows, left)
        pending = {position: rows[position] for position in first.values()}
        try:
            missed = _tried(target.put_if_absent, pending, log, deadline, sleep)
        except Retry as error:
            if len(left) == len(rows):
                raise
            return lost | {position: Unstored(position, error.reason) for position in left}
        again: list[int] = []
        for position in left:
            same = first[(rows[position].device, rows[position].key)]
            if position == same or rows[position].same_content(rows[same]):
                if same in missed:
                    lost[position] = missed[same]
            elif same not in missed:
                lost[position] = Unstored(position, CONFLICT, permanent=True)
            elif missed[same].permanent:  # the first was refused for what it is, which this one is not
                again.append(position)
            else:
                lost[position] = missed[same]
        left = again
    return lost


def _firsts(rows: Sequence[Row], positions: Iterable[int]) -> dict[tuple[str, str], int]:
    """Where each key is for the first time."""
    first: dict[tuple[str, str], int] = {}
    for position in positions:
        first.setdefault((rows[position].device, rows[position].key), position)
    return first


class _Put(Protocol):
    def __call__(self, rows: Sequence[Row], *, deadline: float) -> Sequence[Unstored]: ...


def _tried(
    put: _Put, pending: dict[int, Row], log: Log, deadline: float, sleep: Callable[[float], None]
) -> dict[int, Unstored]:
    lost: dict[int, Unstored] = {}
    written = False
    for attempt in range(_TRIES):
        if attempt:
            sleep(min(_FIRST_DELAY * 2 ** (attempt - 1), max(deadline - time.monotonic(), 0.0)))
        positions = list(pending)
        last = attempt + 1 == _TRIES
        try:
            missed = put(list(pending.values()), deadline=deadline)
            written = True
        except Exception as error:
            reason = reason_of(error, "The store")
            log.warning("store_failed", reason=reason, rows=len(pending), attempt=attempt + 1)
            last = last or time.monotonic() >= deadline
            if last and not written:
                raise error if isinstance(error, Retry) else Retry(reason) from error
            missed = [Unstored(index, reason) for index in range(len(positions))]
        again = {positions[each.index]: each for each in missed if not each.permanent}
        lost.update((positions[each.index], each) for each in missed if each.permanent)
        pending = {position: pending[position] for position in again}
        if not pending:
            return lost
        if last or time.monotonic() >= deadline:
            lost.update(again)
            break
    return lost
