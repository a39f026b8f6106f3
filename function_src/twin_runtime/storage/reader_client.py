"""How our own functions read the hot store: with the store at hand, or through hot_reader in another cloud.

Both readers have the same two methods, and give events as dicts in the form of `cloudevents.make`. They raise
`errors.Retry` where the store or hot_reader cannot be read now.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from twin_runtime import times
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
_MAX_ANSWER_BYTES = 6_000_000


class Reader(Protocol):
    """Reads what is in the hot store; what has expired is not shown."""

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
        limit: int = _PAGE,
        descending: bool = False,
    ) -> Sequence[Event]:
        """At most `limit` events of a device with start <= time < end, by time and id. Times are RFC 3339."""
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
            if row.expires > now:
                yield rows.to_event(row, self._twin)

    def range(
        self,
        device: str,
        start: str = times.EARLIEST,
        end: str = times.LATEST,
        *,
        limit: int = _PAGE,
        descending: bool = False,
    ) -> Sequence[Event]:
        start, end, now = times.normalise(start), times.normalise(end), self._clock()
        found: list[Event] = []
        cursor: str | None = None
        while len(found) < limit:
            wanted = min(limit - len(found), _PAGE)
            page = self._store.query(
                device, start=start, end=end, limit=wanted, cursor=cursor, descending=descending
            )
            found += [rows.to_event(row, self._twin) for row in page.rows if row.expires > now]
            if not page.rows or (len(page.rows) < wanted and not page.more):
                break
            cursor = page.rows[-1].key
        return found


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
        query = {"type": type, "latest": "true", "limit": str(_PAGE)}
        cursor: str | None = None
        while True:
            events, cursor = self._page(query if cursor is None else {**query, "cursor": cursor})
            yield from events
            if cursor is None:
                return

    def range(
        self,
        device: str,
        start: str = times.EARLIEST,
        end: str = times.LATEST,
        *,
        limit: int = _PAGE,
        descending: bool = False,
    ) -> Sequence[Event]:
        query = {
            "device": device,
            "from": times.normalise(start),
            "to": times.normalise(end),
            "order": "desc" if descending else "asc",
        }
        found: list[Event] = []
        cursor: str | None = None
        while len(found) < limit:
            query["limit"] = str(min(limit - len(found), _PAGE))
            events, cursor = self._page(query if cursor is None else {**query, "cursor": cursor})
            found += events
            if cursor is None:
                break
        return found

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
