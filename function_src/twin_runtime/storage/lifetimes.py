"""How long rows of the hot store last: noted there before the first row is written that lasts as long.

A row expires by the retention of the day on which it was written. After a change, rows of several lifetimes
lie side by side, and the oldest need not be the first to expire. A mover that looked for those would read all
of the store in each run. So a role that writes rows notes first for how many days they last, and until when
it writes such rows. The mover then knows up to which time there can be rows that last less long than today's.

Rows that were written before there were such notes expire in the order of their writing: see `due_rows`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence

from twin_runtime import jsontext
from twin_runtime.errors import Retry
from twin_runtime.log import Log
from twin_runtime.model import Twin
from twin_runtime.ports import Event, Store, Unstored
from twin_runtime.storage import notes, rows

DEVICE = "~lifetimes"
_DAY = 86_400
_NOTED_S = 10_800
_RENEWED_S = 7_200
"""A note is renewed so long before its end: clocks differ, and an event may be an hour ahead of them."""
_KEPT_DAYS = 30
"""A note outlives its rows, which databases delete some time after they have expired."""


class HotRows:
    """Writes events into the hot store. Thread-safe."""

    def __init__(self, store: Store, twin: Twin, log: Log, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._twin = twin
        self._log = log
        self._clock = clock
        self._noted = -math.inf

    def write(
        self, events: Sequence[Event], texts: Sequence[str] = (), *, deadline: float = math.inf
    ) -> dict[int, Unstored]:
        """As `rows.store_if_absent`, of the rows of checked telemetry events. `texts` has the JSON of those
        that may have their data there alone.
        """
        now = self._clock()
        # Without a cold tier no mover asks.
        if self._twin.cold_days is not None and now + _RENEWED_S >= self._noted:
            self._note(int(now) + _NOTED_S, deadline)
        made = [
            rows.from_event(event, self._twin, now, text)
            for event, text in zip(events, texts or [""] * len(events), strict=True)
        ]
        return rows.store_if_absent(self._store, made, self._log, deadline=deadline)

    def _note(self, until: int, deadline: float) -> None:
        days = self._twin.expire_days
        note = notes.note(
            DEVICE, str(days), jsontext.dumps(until), expires=until + (days + _KEPT_DAYS) * _DAY
        )
        for lost in rows.store(self._store, [note], self._log, deadline=deadline).values():
            raise Retry(lost.reason)
        self._noted = until


def noted(store: Store) -> Iterator[tuple[int, int]]:
    """For how many days rows last that are in the store, and until when such rows were written, in Unix time.
    Raises `errors.Retry`.
    """
    for row in notes.read(store, DEVICE):
        yield int(row.id), jsontext.loads(row.data, max_bytes=100)
