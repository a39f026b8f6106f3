"""hot_reader: reads a device's events from the hot store, for clients outside the twin.

    GET ?device=thermostat-1&from=2024-02-29T00:00:00Z&to=2024-03-01T00:00:00Z&limit=100&order=asc&cursor=…
    GET ?device=thermostat-1&latest=true

answers `{"device", "events": […], "cursor"}`: events with from <= time < to, in the order of time and id, as
they were stored. `cursor` is null on the last page; otherwise the same query with it goes on after this page.
`latest=true` is the newest event (`limit` of them, the newest first).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from . import gate, jsontext, range_query, rows
from .answers import Refusal, guarded, json_answer
from .log import Log
from .model import Twin
from .ports import Request, Response, Store
from .secret_cache import CachedSecret

MAX_ANSWER_BYTES = 4_000_000
"""A page ends early rather than be longer: a Lambda answers at most 6 MB."""


class HotReader:
    """`api_keys` is None where the platform has checked the key. Thread-safe."""

    def __init__(
        self,
        *,
        twin: Twin,
        store: Store,
        log: Log,
        api_keys: CachedSecret | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._twin = twin
        self._store = store
        self._log = log
        self._api_keys = api_keys
        self._clock = clock

    def handle(self, request: Request) -> Response:
        """Answer a request; never raises."""
        return guarded(self._log, lambda: self._handle(request))

    def _handle(self, request: Request) -> Response:
        if request.method != "GET":
            raise Refusal(405, "Only GET is served here.", {"allow": "GET"})
        gate.check_api_key(request, self._api_keys)
        query = range_query.parse(request.query, self._twin)
        page = self._store.query(
            query.device,
            start=query.start,
            end=query.end,
            # One more than asked for tells whether there is another page.
            limit=query.limit + 1,
            cursor=query.cursor,
            descending=query.descending,
        )
        taken = page.rows[: query.limit]
        events: list[str] = []
        size, last, more = 0, None, page.more or len(page.rows) > query.limit
        now = self._clock()
        for row in taken:
            # Databases delete what has expired some time later, each in its own time.
            text = rows.to_json(row, self._twin) if row.expires > now else ""
            if events and size + len(text) > MAX_ANSWER_BYTES:
                more = True
                break
            size += len(text)
            last = row.key
            if text:
                events.append(text)
        cursor = range_query.cursor_after(query, last) if more and last is not None else None
        self._log.info("read", events=len(events), more=cursor is not None)
        tail = f'"events":[{",".join(events)}],"cursor":{jsontext.dumps(cursor)}'
        return json_answer(200, f'{{"device":{jsontext.dumps(query.device)},{tail}}}')
