"""How our own functions read the hot store: with the store at hand, or through hot_reader in another cloud.

Both readers have the same two methods, and give events as dicts in the form of `cloudevents.make`. They read
page after page, as the events are asked for: more pages are more than a function can hold. They raise
`errors.Retry` where the store or hot_reader cannot be read now.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from twin_runtime import deadlines, times
from twin_runtime.deadlines import READ_AGAIN_S
from twin_runtime.errors import Retry
from twin_runtime.log import Log
from twin_runtime.model import Twin
from twin_runtime.ports import Event, Store
from twin_runtime.storage import newest, rows
from twin_runtime.wire import verdict
from twin_runtime.wire.http_client import Answer, HttpClient
from twin_runtime.wire.link_client import LinkClient
from twin_runtime.wire.secret_cache import CachedSecret

_PAGE = 1_000
_CHUNK = 500
"""Of a range, of which the first events are often enough."""
_MAX_ANSWER_BYTES = 6_000_000


class Reader(Protocol):
    """Reads what is in the hot store; see `newest.is_shown`."""

    def latest(self, type: str) -> Iterator[Event]:
        """The newest event of each device of a device type, by name of the device. Its own type is the one
        that the device had then.
        """
        ...

    def range(
        self,
        device: str,
        start: str = times.EARLIEST,
        end: str = times.LATEST,
        *,
        descending: bool = False,
        deadline: float = math.inf,
    ) -> Iterator[Event]:
        """The events of a device with start <= time < end, by time and id. Times are RFC 3339. Raises
        `errors.Retry` where another page is needed after `deadline`, in `time.monotonic` seconds.
        """
        ...


class LocalReader:
    """`Reader` on a store of the same cloud. Thread-safe."""

    def __init__(self, store: Store, twin: Twin, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._twin = twin
        self._clock = clock

    def latest(self, type: str) -> Iterator[Event]:
        now = self._clock()
        devices = sorted(device for device, its in self._twin.devices.items() if its == type)
        for row in newest.rows(self._store, devices, now):
            if newest.is_shown(row, self._twin, now):
                yield rows.to_event(row, self._twin)

    def range(
        self,
        device: str,
        start: str = times.EARLIEST,
        end: str = times.LATEST,
        *,
        descending: bool = False,
        deadline: float = math.inf,
    ) -> Iterator[Event]:
        start, end, now = times.normalise(start), times.normalise(end), self._clock()
        cursor: str | None = None
        while True:
            deadlines.check(deadline)
            page = self._store.query(
                device, start=start, end=end, limit=_CHUNK, cursor=cursor, descending=descending
            )
            for row in page.rows:
                if newest.is_shown(row, self._twin, now):
                    yield rows.to_event(row, self._twin)
            if not page.rows or (len(page.rows) < _CHUNK and not page.more):
                return
            cursor = page.rows[-1].key


class RemoteReader:
    """`Reader` through hot_reader, with the URL and the keys of the link's secret. Thread-safe.

    `patience` is for how many seconds requests for a page are begun before it raises.
    """

    def __init__(
        self,
        secret: CachedSecret,
        *,
        log: Log,
        patience: float = READ_AGAIN_S,
        client: HttpClient | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._link = LinkClient(secret, log=log, client=client, clock=clock, sleep=sleep)
        self._patience = patience

    def latest(self, type: str) -> Iterator[Event]:
        return self._pages({"type": type, "latest": "true", "limit": str(_PAGE)}, math.inf)

    def range(
        self,
        device: str,
        start: str = times.EARLIEST,
        end: str = times.LATEST,
        *,
        descending: bool = False,
        deadline: float = math.inf,
    ) -> Iterator[Event]:
        query = {
            "device": device,
            "from": times.normalise(start),
            "to": times.normalise(end),
            "order": "desc" if descending else "asc",
            "limit": str(_CHUNK),
        }
        return self._pages(query, deadline)

    def _pages(self, query: dict[str, str], deadline: float) -> Iterator[Event]:
        cursor: str | None = None
        while True:
            deadlines.check(deadline)
            events, cursor = self._page(query if cursor is None else {**query, "cursor": cursor})
            events.reverse()
            while events:  # none of a page is held when the next one comes
                yield events.pop()
            if cursor is None:
                return

    def _page(self, query: dict[str, str]) -> tuple[list[Event], str | None]:
        answer = self._link.get(
            query,
            final=_is_final,
            deadline=time.monotonic() + self._patience,
            longest_answer=_MAX_ANSWER_BYTES,
        )
        if answer.status >= 400:
            raise Retry(f"hot_reader answered {answer.status}{verdict.sentence(answer)}")
        document = _document(answer) or {}
        return document["events"], document["cursor"]


def _is_final(answer: Answer) -> bool:
    if 200 <= answer.status < 300:
        return _document(answer) is not None
    return verdict.blames(answer)


def _document(answer: Answer) -> dict[str, Any] | None:
    document = verdict.document(answer, max_bytes=_MAX_ANSWER_BYTES)
    if document is None or not isinstance(document.get("events"), list):
        return None
    return document if isinstance(document.get("cursor"), str | None) else None
