"""What a role that writes rows notes in the hot store first: how long its rows last, and which are late.

A row expires by the retention of the day on which it was written. After a change, rows of several lifetimes
lie side by side, and the oldest need not be the first to expire. So a writer notes for how many days its rows
last, and until when it writes such rows. The mover then knows how early a row can expire that is in no file.

The mover takes a day when it is over for a day and more, and does not look at it again. A row that is written
later than that is late: its device and day are noted, and the mover reads that day once more.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from twin_runtime import jsontext, times
from twin_runtime.errors import Retry
from twin_runtime.events import cloudevents
from twin_runtime.log import Log
from twin_runtime.model import Twin
from twin_runtime.ports import Event, Row, Store, Unstored
from twin_runtime.storage import notes, rows

DEVICE = "~lifetimes.1"
EARLIER = "~lifetimes"
"""Where the release before notes the same. It notes no late rows."""
LATE = "~late"
LATE_S = 86_400
"""A row is late whose event is older than this when it is written."""
SETTLED_S = 3_600
"""When a note of late rows is this old, they are there, or their messages have failed: those of `_WINDOW_S`
have one note, a call ends in ten minutes, and the mover's clock may be ahead of the writer's by the rest.
"""
_WINDOW_S = 300
"""Late rows of a device and a day are noted once in this time."""
_DAY = 86_400
_NOTED_S = 10_800
_RENEWED_S = 7_200
"""A note is renewed so long before its end: clocks differ, and an event may be an hour ahead of them."""
_KEPT_DAYS = 30
"""A note outlives its rows, which databases delete some time after they have expired."""


class Lifetime(NamedTuple):
    """Rows that last `days` were written until `until`, in Unix time."""

    days: int
    until: int


class Late(NamedTuple):
    """Rows of a device and day were written late, at `at` (Unix time) or later. `key` is that of the note."""

    key: str
    device: str
    day: str
    at: float


class HotRows:
    """Writes events into the hot store. Thread-safe."""

    def __init__(self, store: Store, twin: Twin, log: Log, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._twin = twin
        self._log = log
        self._clock = clock
        self._noted = -math.inf
        self._late: tuple[int, frozenset[tuple[str, str]]] = (0, frozenset())

    def write(
        self, events: Sequence[Event], texts: Sequence[str] = (), *, deadline: float = math.inf
    ) -> dict[int, Unstored]:
        """As `rows.store_if_absent`, of the rows of checked telemetry events. `texts` has the JSON of those
        that may have their data there alone.
        """
        now = self._clock()
        self._note(events, now, deadline)
        made = [
            rows.from_event(event, self._twin, now, text)
            for event, text in zip(events, texts or [""] * len(events), strict=True)
        ]
        return rows.store_if_absent(self._store, made, self._log, deadline=deadline)

    def _note(self, events: Sequence[Event], now: float, deadline: float) -> None:
        """Notes come before the rows: whatever happens to this process, no row is there without them."""
        days, window = self._twin.expire_days, int(now // _WINDOW_S)
        before = times.from_epoch(now - LATE_S)
        late = frozenset(
            (cloudevents.device_of(event, self._twin), event["time"][:10])
            for event in events
            if event["time"] < before
        )
        known = self._late[1] if self._late[0] == window else frozenset[tuple[str, str]]()
        found = [
            late_note(device, day, now, expires=self._expires(now)) for device, day in sorted(late - known)
        ]
        until = int(now) + _NOTED_S
        renewed = now + _RENEWED_S >= self._noted
        if renewed:
            expires = until + (days + _KEPT_DAYS) * _DAY
            found.append(notes.note(DEVICE, str(days), jsontext.dumps(until), expires=expires))
        if not found:
            return
        for lost in rows.store(self._store, found, self._log, deadline=deadline).values():
            raise Retry(lost.reason)
        self._late = (window, known | late)
        if renewed:
            self._noted = until

    def _expires(self, now: float) -> int:
        """Without a cold tier nobody reads a note of late rows: it goes with them."""
        return rows.FOREVER if self._twin.cold_days is not None else int(now) + self._twin.expire_days * _DAY


def late_note(device: str, day: str, now: float, *, expires: int = rows.FOREVER) -> Row:
    """The note of late rows. Those of one window are one; they are in the order of their windows."""
    data = jsontext.dumps({"format": 1, "device": device, "day": day, "at": int(now)})
    return notes.note(LATE, f"{int(now // _WINDOW_S):010}.{device}.{day}", data, expires=expires)


def noted(store: Store, device: str = DEVICE) -> Iterator[Lifetime]:
    """For how many days rows last that are in the store; raises `errors.Retry`."""
    for row in notes.read(store, device):
        yield Lifetime(int(row.id), jsontext.loads(row.data, max_bytes=100))


def late(store: Store) -> Iterator[Late]:
    """The notes of late rows, the oldest first; raises `errors.Retry`."""
    for row in notes.read(store, LATE):
        note = jsontext.loads(row.data, max_bytes=1_000)
        yield Late(row.key, note["device"], note["day"], note["at"] // _WINDOW_S * _WINDOW_S)
