"""Reads events of a device from the files of the cold tier: what hot_reader merges with the hot store.

Files are found by their names alone: a day's files of each type that the device had, of those the ones
between whose first and last device the device is. Where the twin has an archive, events older than
`cold_days` are its, and are not read.
"""

from __future__ import annotations

import math
import time
from bisect import bisect_right
from calendar import monthrange
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from typing import Any, Protocol

from twin_runtime import deadlines, jsontext, times
from twin_runtime.errors import Refused
from twin_runtime.model import Twin
from twin_runtime.ports import Objects
from twin_runtime.storage.range_query import MAX_LIMIT, RangeQuery, is_key
from twin_runtime.tiers import due_rows, tier_files
from twin_runtime.wire.answers import Refusal

MAX_PAGE_BYTES = 3_500_000
"""A page ends early rather than be longer."""
MAX_PAGE_FILES = 60
MAX_PAGE_S = 8.0
"""A page ends early, and may then be empty, rather than read more files, or for longer."""
_NAMES = 1_000
_DAY_S = 86_400
_FIELDS = ("device", "from", "to", "limit", "cursor", "order")
_TYPES = "types"
"""The one field that may be missing: for a device that always had the same."""
_MOST_TYPES = 100
_BEFORE_ALL = "#!"
"""Makes a time a key: the first that there could be of that time, since no id begins so."""


@dataclass(frozen=True, slots=True)
class TierPage:
    """Events in order, each with its key. `next` is the key after which the next page goes on; None: there
    are no others.
    """

    events: Sequence[tuple[str, str]]
    next: str | None


class ColdTier(Protocol):
    """The cold tier, as hot_reader reads it."""

    def page(self, query: RangeQuery, *, deadline: float = math.inf) -> TierPage:
        """Events with start <= time < end after the cursor; `limit` of them at most, and each once. Raises
        `errors.Retry` where there is none by `deadline`, in `time.monotonic` seconds.
        """
        ...


class TierReader:
    """`ColdTier` in an object store of this cloud. Thread-safe."""

    def __init__(self, objects: Objects, twin: Twin, *, clock: Callable[[], float] = time.time) -> None:
        self._objects = objects
        self._twin = twin
        self._clock = clock

    def page(self, query: RangeQuery, *, deadline: float = math.inf) -> TierPage:
        until, files, size = time.monotonic() + MAX_PAGE_S, 0, 0
        events: list[tuple[str, str]] = []
        for day in self._days(query):
            names = [name for name in self._names(query, day) if tier_files.may_hold(name, query.device)]
            files += len(names)
            for key, text in self._of_day(names, query, query.limit - len(events) + 1, deadline):
                if len(events) == query.limit or (events and size + len(text) > MAX_PAGE_BYTES):
                    return TierPage(events, events[-1][0])
                events.append((key, text))
                size += len(text)
            if files >= MAX_PAGE_FILES or time.monotonic() >= until:
                return TierPage(events, _behind(day, query))
        return TierPage(events, None)

    def _of_day(
        self, names: Sequence[str], query: RangeQuery, most: int, deadline: float
    ) -> list[tuple[str, str]]:
        """The first events of a day that are asked for, in the order that is asked for: `most` of them, or so
        many that a page has no room for the last.
        """
        found: dict[str, str] = {}
        held = 0

        def first() -> list[tuple[str, str]]:
            events = sorted(found.items(), reverse=query.descending)[:most]
            sizes = list(accumulate(len(text) for _, text in events))
            return events[: bisect_right(sizes, MAX_PAGE_BYTES) + 1]

        for name in names:
            deadlines.check(deadline)
            try:
                body = self._objects.get(name)
            except Refused:
                continue  # it has gone to the archive meanwhile
            for key, text in tier_files.events_of(body, self._twin, query.device):
                if query.start <= key < query.end and _is_after(key, query):
                    held += len(text) - len(found.get(key, ""))
                    found[key] = text
                    if len(found) > 2 * most or held > 2 * MAX_PAGE_BYTES:
                        found = dict(first())
                        held = sum(map(len, found.values()))
        return first()

    def _names(self, query: RangeQuery, day: str) -> Iterator[str]:
        for type in self._types(query):
            prefix, after = tier_files.folder(type, day), ""
            while page := self._objects.names(prefix, after=after, limit=_NAMES):
                yield from page
                after = page[-1]

    def _types(self, query: RangeQuery) -> Sequence[str]:
        return query.types or (self._twin.devices[query.device],)

    def _days(self, query: RangeQuery) -> Iterator[str]:
        """The days of the range of which there may be files, in the order that is asked for."""
        first, last, now = query.start, query.end, self._clock()
        if query.cursor is not None and query.descending:
            last = min(last, query.cursor.removesuffix(_BEFORE_ALL))
        elif query.cursor is not None:
            first = max(first, query.cursor)
        # Nothing is moved before it is old, by the mover's clock.
        last = min(last, times.from_epoch(now + _DAY_S))
        if self._twin.cold_days is not None and self._twin.archive_days is not None:
            first = max(first, due_rows.cutoff(now, self._twin.cold_days))
        types = self._types(query)
        return self._under("", types, tier_files.day_of(first), _last_day(last), query.descending)

    def _under(
        self, start: str, types: Sequence[str], first: str, last: str, descending: bool
    ) -> Iterator[str]:
        """The days that begin with `start`. Years and months of which there are no files are passed over."""
        if len(start) == len(first):
            yield start
            return
        for some in _longer(start)[:: -1 if descending else 1]:
            low, high = first[: len(some)], last[: len(some)]
            if not low <= some <= high:
                continue
            known = len(some) == len(first) or some == low == high
            if known or any(self._objects.names(tier_files.folder(type, some), limit=1) for type in types):
                yield from self._under(some, types, first, last, descending)


def read_query(body: bytes, twin: Twin) -> RangeQuery:
    """The query of a hot_reader in another cloud; raises `answers.Refusal` 400."""
    try:
        document: Any = jsontext.loads(body, max_bytes=4_000)
    except jsontext.Malformed as error:
        raise Refusal(400, str(error)) from None
    if not isinstance(document, dict) or document.keys() - {_TYPES} != set(_FIELDS):
        raise Refusal(400, f"The query must have {', '.join(_FIELDS)}, may have types, and nothing else.")
    device, start, end, limit, cursor, order = (document[name] for name in _FIELDS)
    if not isinstance(device, str) or device not in twin.devices:
        raise Refusal(400, "The device is not known to this twin.")
    try:
        fixed = (times.normalise(start), times.normalise(end)) == (start, end)
    except ValueError as error:
        raise Refusal(400, str(error)) from None
    if not fixed or start > end:
        raise Refusal(400, "The times must be in UTC with six fractional digits, from not after to.")
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= MAX_LIMIT:
        raise Refusal(400, f"The limit must be a whole number from 1 to {MAX_LIMIT}.")
    if cursor is not None and not (isinstance(cursor, str) and is_key(cursor)):
        raise Refusal(400, "The cursor must be null or the key of a row.")
    if order not in ("asc", "desc"):
        raise Refusal(400, "The order must be asc or desc.")
    types: Any = document.get(_TYPES, [])
    if not isinstance(types, list) or len(types) > _MOST_TYPES or not all(map(tier_files.is_type, types)):
        raise Refusal(400, f"The types must be an array of at most {_MOST_TYPES} names of device types.")
    return RangeQuery(device, start, end, limit, cursor, order == "desc", types=tuple(types))


def write_query(query: RangeQuery) -> bytes:
    """As `read_query` takes it."""
    values = (
        query.device,
        query.start,
        query.end,
        query.limit,
        query.cursor,
        "desc" if query.descending else "asc",
    )
    document: dict[str, Any] = dict(zip(_FIELDS, values, strict=True))
    if len(query.types) > 1:
        document[_TYPES] = query.types
    return jsontext.dumps(document).encode("ascii")


def _is_after(key: str, query: RangeQuery) -> bool:
    if query.cursor is None:
        return True
    return key < query.cursor if query.descending else key > query.cursor


def _behind(day: str, query: RangeQuery) -> str | None:
    """The key after which a day is done; None where the range ends with the day."""
    edge = tier_files.first_of(day if query.descending else due_rows.next_day(day))
    ends = edge <= query.start if query.descending else edge >= query.end
    return None if ends else f"{edge}{_BEFORE_ALL}"


def _last_day(end: str) -> str:
    """The last day that has a moment before `end`."""
    day = tier_files.day_of(end)
    if end != tier_files.first_of(day) or end == times.EARLIEST:
        return day
    return (date.fromisoformat(day) - timedelta(1)).isoformat()


def _longer(start: str) -> list[str]:
    """How the days that begin with `start` go on: by a digit of the year, the month, or the day."""
    if len(start) < len("2024"):
        return [f"{start}{digit}" for digit in range(10)]
    last = 12 if len(start) == len("2024") else monthrange(int(start[:4]), int(start[5:]))[1]
    return [f"{start}-{number:02}" for number in range(1, last + 1)]
