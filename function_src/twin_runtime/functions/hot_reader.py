"""hot_reader: reads a device's events from the hot store, for clients outside the twin.

    GET ?device=thermostat-1&from=2024-02-29T00:00:00Z&to=2024-03-01T00:00:00Z&limit=100&order=asc&cursor=…
    GET ?device=thermostat-1&latest=true
    GET ?type=thermostat&latest=true&limit=100&cursor=…

answers `{"device", "events": […], "cursor"}`: events with from <= time < to, in the order of time and id, as
they were stored; `subject` is the type that the device had then. `cursor` is null on the last page; otherwise
the same query with it goes on after this page. `latest=true` is the newest event (`limit` of them, the newest
first) of those that are not far ahead of the clock. `tier=all` reads the cold tier too, each event once.
`"unread": [{"from", "to", "reason"}]` then says of which times this page leaves events out, where it does; a
page without events may then have a cursor.

Of a `type` the answer is `{"type", "events": […], "cursor"}`: the newest event of each device, by its name;
`limit` devices at a time, of which some may have none.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence

from twin_runtime import deadlines, jsontext
from twin_runtime.context import Context
from twin_runtime.deadlines import NO_TIME, UNBOUNDED, Budget, Deadline
from twin_runtime.errors import ConfigurationError, Retry
from twin_runtime.log import Log
from twin_runtime.model import Twin
from twin_runtime.ports import Request, Response, Store
from twin_runtime.storage import newest, range_query, rows
from twin_runtime.storage.range_query import RangeQuery, TypeQuery
from twin_runtime.tiers.tier_reader import ColdTier, TierPage, Unread, unread_text
from twin_runtime.wire import gate
from twin_runtime.wire.answers import Refusal, guarded, json_answer
from twin_runtime.wire.callers import Callers
from twin_runtime.wire.secret_cache import CachedSecret

MAX_ANSWER_BYTES = 4_000_000
"""A page ends early rather than be longer: a Lambda answers at most 6 MB."""


class HotReader:
    """Without `by_key` a request must be signed, by a key of `link`. `cold` is None where the twin has no
    cold tier. Thread-safe.
    """

    def __init__(
        self,
        *,
        twin: Twin,
        store: Store,
        log: Log,
        callers: Callers,
        link: CachedSecret | None = None,
        by_key: bool = True,
        cold: ColdTier | None = None,
        budget: Budget = UNBOUNDED,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._twin = twin
        self._store = store
        self._log = log
        self._callers = callers
        self._link = link
        self._by_key = by_key
        self._cold = cold
        self._budget = budget
        self._clock = clock

    def handle(self, request: Request) -> Response:
        """Answer a request; never raises."""
        return guarded(self._log, lambda: self._handle(request, self._budget.deadline()))

    def _handle(self, request: Request, deadline: Deadline) -> Response:
        now = self._clock()
        client = gate.check_get(request, callers=self._callers, link=self._link, by_key=self._by_key, now=now)
        deadlines.check(deadline)  # the keys may have taken all of it
        query = range_query.parse(request.query, self._twin, now)
        unread: Sequence[Unread] = ()
        if isinstance(query, TypeQuery):
            events, cursor = self._newest(query, now)
            owner, name = "type", query.type
        else:
            events, cursor, unread = self._range(query, now, deadline)
            owner, name = "device", query.device
        self._log.info("read", client=client, **{owner: name}, events=len(events), more=cursor is not None)
        return json_answer(
            200,
            f'{{"{owner}":{jsontext.dumps(name)},"events":[{",".join(events)}],'
            f'"cursor":{jsontext.dumps(cursor)}{_unread(unread)}}}',
        )

    def _newest(self, query: TypeQuery, now: float) -> tuple[list[str], str | None]:
        of_type = sorted(name for name, its in self._twin.devices.items() if its == query.type)
        rest = [name for name in of_type if name > query.after]
        events: list[str] = []
        size, last = 0, query.after
        for row in newest.rows(self._store, rest[: query.limit], now):
            text = rows.to_json(row, self._twin)
            if events and size + len(text) > MAX_ANSWER_BYTES:
                return events, range_query.cursor_after_device(query, last)
            last = row.device
            if newest.is_shown(row, self._twin, now):
                events.append(text)
                size += len(text)
        more = len(rest) > query.limit
        return events, range_query.cursor_after_device(query, rest[query.limit - 1]) if more else None

    def _range(
        self, query: RangeQuery, now: float, deadline: Deadline
    ) -> tuple[list[str], str | None, Sequence[Unread]]:
        if query.all_tiers and self._cold is None:
            raise Refusal(400, "This twin has no cold tier: leave tier=all out.")
        # The hot store first: what the mover takes away between the two is in the cold tier by then.
        found, end = self._hot(query, now)
        unread: Sequence[Unread] = ()
        if query.all_tiers and self._cold is not None:
            page = self._cold.page(query, deadline=deadline)
            found, end = _merged(query, found, end, page)
            unread = page.unread
        events: list[str] = []
        size, last = 0, None
        for key, text in found:
            if len(events) == query.limit or (events and size + len(text) > MAX_ANSWER_BYTES):
                end = last
                break
            last = key
            events.append(text)
            size += len(text)
        if end is None:
            return events, None, unread
        here = [each for each in unread if (each.end > end if query.descending else each.start <= end)]
        return events, range_query.cursor_after(query, end), here

    def _hot(self, query: RangeQuery, now: float) -> tuple[list[tuple[str, str]], str | None]:
        """Events with their keys, in order, and the key up to which that is all; None: there is no other."""
        page = self._store.query(
            query.device,
            start=query.start,
            end=query.end,
            # One more than asked for tells whether there is another page.
            limit=query.limit + 1,
            cursor=query.cursor,
            descending=query.descending,
        )
        shown = [row for row in page.rows if newest.is_shown(row, self._twin, now)]
        found = [(row.key, rows.to_json(row, self._twin)) for row in shown]
        more = page.more or len(page.rows) > query.limit
        return found, page.rows[-1].key if more and page.rows else None


class InTurn:
    """A cold tier that one request at a time reads: a page from another cloud is JSON, which takes up to 36
    times its length in memory. Thread-safe.
    """

    def __init__(self, tier: ColdTier) -> None:
        self._tier = tier
        self._lock = threading.Lock()

    def page(self, query: RangeQuery, *, deadline: float = math.inf) -> TierPage:
        """As `ColdTier.page`; the time of waiting counts."""
        left = min(max(deadline - time.monotonic(), 0), threading.TIMEOUT_MAX)
        if not self._lock.acquire(timeout=left):
            raise Retry(NO_TIME)
        try:
            return self._tier.page(query, deadline=deadline)
        finally:
            self._lock.release()


def _unread(unread: Sequence[Unread]) -> str:
    return f',"unread":{unread_text(unread)}' if unread else ""


def _merged(
    query: RangeQuery, hot: list[tuple[str, str]], hot_end: str | None, cold: TierPage
) -> tuple[list[tuple[str, str]], str | None]:
    """The events of both, each once, as far as both are known; and the key up to which that is."""
    ends = [end for end in (hot_end, cold.next) if end is not None]
    end = (max if query.descending else min)(ends) if ends else None
    found = sorted(dict([*cold.events, *hot]).items(), reverse=query.descending)
    if end is None:
        return found, None
    return [(key, text) for key, text in found if (key >= end if query.descending else key <= end)], end


def assemble(context: Context) -> HotReader:
    by_key = context.settings["API_KEY_READS"] == "true"
    if not by_key and not context.settings.remote:
        raise ConfigurationError(
            "The hot_reader needs API_KEY_READS=true, or LINK_SECRET to check signatures, in its environment."
        )
    return HotReader(
        twin=context.twin,
        store=context.cloud.store(context.settings["STORE"]),
        log=context.log,
        callers=context.callers(),
        link=context.secret("LINK_SECRET") if context.settings.remote else None,
        by_key=by_key,
        cold=_cold_tier(context),
        budget=context.limits.budget(),
    )


def _cold_tier(context: Context) -> ColdTier | None:
    """The cold tier; None where the twin has none."""
    if context.settings["COLD_STORE"]:
        from twin_runtime.tiers.tier_reader import TierReader

        return TierReader(context.cloud.objects(context.settings["COLD_STORE"]), context.twin)
    if context.settings["COLD_LINK_SECRET"]:
        from twin_runtime.tiers.tier_client import RemoteTier
        from twin_runtime.wire.link_client import LinkClient

        return InTurn(RemoteTier(LinkClient(context.secret("COLD_LINK_SECRET"), log=context.log)))
    return None
