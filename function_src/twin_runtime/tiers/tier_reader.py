"""Reads events of a device from the files of the cold tier: what hot_reader merges with the hot store.

The index says in which bytes of which files the rows of a device are (`index`). So a page costs a read of the
device's months, one of each month, and one of each block. It ends early rather than make more than a few; a
page of ten makes five. What is known to be in files, and cannot be read, is in the page's `unread`. Where the
twin has an archive, events older than `cold_days` are its, and are not read.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple, Protocol, cast

from twin_runtime import deadlines, jsontext, times
from twin_runtime.errors import Refused
from twin_runtime.model import Twin
from twin_runtime.ports import Objects, Versioned
from twin_runtime.storage.range_query import MAX_LIMIT, RangeQuery, is_key
from twin_runtime.tiers import due_rows, index, tier_files
from twin_runtime.tiers.index import ADOPTED, Entry, Index
from twin_runtime.wire.answers import Refusal

MAX_PAGE_BYTES = 3_500_000
MAX_PAGE_S = 8.0
"""A page that has events ends early rather than be longer, or take longer."""
FEW_EVENTS, FEW_READS, MOST_READS = 10, 5, 12
"""A page of few events makes few reads of the store, others the most. More are made where what was read holds
no event of the range."""
_MOST_BYTES_AT_ONCE = 2_000_000
_DAY_S = 86_400
_FIELDS = ("device", "from", "to", "limit", "cursor", "order")
_TYPES = "types"
"""Sent by the release before, which looked for files by the types that the device had."""
_BEFORE_ALL = "#!"
"""Makes a time a key: the first that there could be of that time, since no id begins so."""
_ARCHIVED, _GONE, NOT_INDEXED = "archived", "gone", "not_indexed"


class Unread(NamedTuple):
    """Events with start <= time < end may be missing: they are `archived`, their file is `gone` before its
    time, or files of an earlier release are `not_indexed`.
    """

    start: str
    end: str
    reason: str


class TierPage(NamedTuple):
    """Events in order, each with its key. `next` is the key after which the next page goes on; None: there
    are no others. `unread` is what the page leaves out.
    """

    events: Sequence[tuple[str, str]]
    next: str | None
    unread: Sequence[Unread] = ()


class ColdTier(Protocol):
    """The cold tier, as hot_reader reads it."""

    def page(self, query: RangeQuery, *, deadline: float = math.inf) -> TierPage:
        """Events with start <= time < end after the cursor; `limit` of them at most, and each once. A page
        without events has a `next` only where it leaves something out. Raises `errors.Retry` where there is
        none by `deadline`, in `time.monotonic` seconds.
        """
        ...


class TierReader:
    """`ColdTier` in an object store of this cloud. Thread-safe."""

    def __init__(self, objects: Objects, twin: Twin, *, clock: Callable[[], float] = time.time) -> None:
        self._objects = objects
        self._twin = twin
        self._clock = clock
        self._before: str | None = None

    def page(self, query: RangeQuery, *, deadline: float = math.inf) -> TierPage:
        reads = _Reads(self._objects, deadline)
        # Read once by a process: from then on files are indexed as they are added.
        before = self._before
        if before is None:
            note, _ = Index(cast(Objects, reads)).read(ADOPTED)
            if note.get("passes"):
                day = note.get("before")
                before = self._before = tier_files.first_of(day) if day else ""
            else:
                deadlines.check(deadline)
                before = times.LATEST if self._objects.names(tier_files.EVENTS, limit=1) else ""
        return _Page(reads, self._twin, query, before, self._clock()).made()


class _Reads:
    """A store that counts what is read of it."""

    def __init__(self, objects: Objects, deadline: float) -> None:
        self._objects = objects
        self._deadline = deadline
        self.count = 0

    def get(self, name: str, *, start: int = 0, length: int | None = None) -> bytes:
        self._begin()
        return self._objects.get(name, start=start, length=length)

    def read(self, name: str) -> Versioned | None:
        self._begin()
        return self._objects.read(name)

    def _begin(self) -> None:
        deadlines.check(self._deadline)
        self.count += 1


class _Page:
    """One page in the making. Rows come from blocks that may overlap: one that is read waits until no block
    that is not read yet can hold a row before it.
    """

    def __init__(self, reads: _Reads, twin: Twin, query: RangeQuery, before: str, now: float) -> None:
        self._reads = reads
        self._index = Index(cast(Objects, reads))
        self._twin = twin
        self._query = query
        self._before = before
        self._now = now
        self._until = time.monotonic() + MAX_PAGE_S
        self._most = FEW_READS if query.limit <= FEW_EVENTS else MOST_READS
        self._events: list[tuple[str, str]] = []
        self._size = 0
        self._unread: list[Unread] = []
        self._again: set[str] = set()
        cold_days, archive_days = twin.cold_days or 0, twin.archive_days
        archived = archive_days is not None
        self._line = due_rows.cutoff(now, cold_days) if archived else ""
        """What is before it is the archive's, and what is before `_oldest` is not kept any longer."""
        self._oldest = due_rows.cutoff(now, archive_days) if archive_days is not None else ""

    def made(self) -> TierPage:
        query, done = self._query, ""
        months = [month for month in self._index.months(query.device) if index.may_have(month, query)]
        for month in reversed(months) if query.descending else months:
            if f"{month}~" < self._oldest:
                continue
            if f"{month}~" < self._line:
                self._leave_out(tier_files.first_of(f"{month}-01"), _next_month(month), _ARCHIVED)
            elif done and (len(self._events) == query.limit or not self._may_read(2)):
                return self._ended(f"{done if query.descending else month}-01T00:00:00.000000Z{_BEFORE_ALL}")
            elif (end := self._of_month(month)) is not None:
                return self._ended(end)
            done = month
        return self._ended(None)

    def _ended(self, end: str | None) -> TierPage:
        if self._before:
            reached = end or ("" if self._query.descending else times.LATEST)
            begun = self._query.cursor or (times.LATEST if self._query.descending else "")
            low, high = sorted((reached, begun))
            self._leave_out(_time(low), min(_time(high), self._before), NOT_INDEXED)
        return TierPage(self._events, end, joined(self._unread))

    def _may_read(self, count: int = 1) -> bool:
        """Whether the page goes on with as many reads; one without anything does."""
        if not self._events and not (self._unread and self._reads.count >= MOST_READS):
            return True
        return self._reads.count + count <= self._most and time.monotonic() < self._until

    def _of_month(self, month: str) -> str | None:
        """Take the events of a month. Returns the key after which the next page goes on; None where all were
        taken.
        """
        rows: dict[str, str] = {}
        written: dict[str, int] = {}
        waiting = self._readable(index.in_month(self._index, self._query, month))
        while True:
            for key in sorted(rows, reverse=self._query.descending):
                if waiting and not self._is_before(key, waiting[0]):
                    break
                if len(self._events) == self._query.limit or (
                    self._events and self._size + len(rows[key]) > MAX_PAGE_BYTES
                ):
                    return self._events[-1][0]
                self._size += len(rows[key])
                self._events.append((key, rows.pop(key)))
            if not waiting:
                return None
            if len(self._events) == self._query.limit or not self._may_read():
                return self._events[-1][0] if self._events else self._edge(waiting[0])
            some = self._next(waiting)
            try:
                for key, text in self._read(some).items():
                    # Of two rows with one key, that of the older file.
                    if some[0].written < written.get(key, math.inf):
                        rows[key], written[key] = text, some[0].written
            except Refused:
                if month in self._again:
                    self._miss(some)
                    continue
                # It may have been replaced meanwhile: then the index names another.
                self._again.add(month)
                last = self._events[-1][0] if self._events else self._query.cursor
                fresh = index.in_month(self._index, replace(self._query, cursor=last), month)
                if some[0] in fresh:
                    self._miss(some)
                else:
                    rows, written, waiting = {}, {}, self._readable(fresh)

    def _readable(self, entries: Iterable[Entry]) -> deque[Entry]:
        """The entries without those of the archive, and without those whose file a rule has deleted."""
        found: deque[Entry] = deque()
        for each in entries:
            if each.first < self._line:
                if each.first >= self._oldest:
                    self._leave_out(_time(each.first), times.after(_time(each.last)), _ARCHIVED)
            elif self._twin.archive_days is not None or not self._is_deleted(each.written):
                found.append(each)
        return found

    def _is_deleted(self, written: float) -> bool:
        return written + (self._twin.cold_days or 0) * _DAY_S < self._now - _DAY_S

    def _next(self, waiting: deque[Entry]) -> list[Entry]:
        """The next entry, and those beside it in the file as far as their rows are needed."""
        some = [waiting.popleft()]
        rows, size = some[0].rows, some[0].length
        while waiting and len(self._events) + rows < self._query.limit and size < _MOST_BYTES_AT_ONCE:
            low, high = sorted((some[-1], waiting[0]), key=lambda each: each.offset)
            if low.file != high.file or low.offset + low.length != high.offset:
                break
            some.append(waiting.popleft())
            rows, size = rows + some[-1].rows, size + some[-1].length
        return some

    def _read(self, some: Sequence[Entry]) -> dict[str, str]:
        """The first events of entries, in the order of the query: as many as a page has room for, and one."""
        query, most = self._query, self._query.limit - len(self._events) + 1
        start = min(each.offset for each in some)
        body = self._reads.get(some[0].file, start=start, length=sum(each.length for each in some))
        asked = (
            (key, text)
            for key, text in tier_files.events_of(body, self._twin, query.device)
            if query.start <= key < query.end and index.has_some(key, key, query)
        )
        size, found = 0, deque[tuple[str, str]]()
        for key, text in asked if query.descending else islice(asked, most):
            if size > MAX_PAGE_BYTES and not query.descending:
                break
            found.append((key, text))
            size += len(text)
            while len(found) > most or (query.descending and size - len(found[0][1]) > MAX_PAGE_BYTES):
                size -= len(found.popleft()[1])
        return dict(found)

    def _miss(self, some: Sequence[Entry]) -> None:
        """Leave out entries whose file cannot be read."""
        if self._twin.archive_days is None:
            # A rule deletes a file by its age: this one may have been written long after its events.
            kept = due_rows.cutoff(self._now, self._twin.cold_days or 0)
            some = [each for each in some if each.last >= kept]
        reason = _GONE if self._twin.archive_days is None else _ARCHIVED
        for each in some:
            self._leave_out(_time(each.first), times.after(_time(each.last)), reason)

    def _leave_out(self, start: str, end: str, reason: str) -> None:
        start, end = max(start, self._query.start, self._oldest), min(end, self._query.end)
        if start < end:
            self._unread.append(Unread(start, end, reason))

    def _is_before(self, key: str, entry: Entry) -> bool:
        """Whether a key comes before all of an entry, in the order of the query."""
        return key > entry.last if self._query.descending else key < entry.first

    def _edge(self, entry: Entry) -> str:
        """The key after which an entry comes."""
        at = times.after(_time(entry.last)) if self._query.descending else _time(entry.first)
        return f"{at}{_BEFORE_ALL}"


def joined(unread: Iterable[Unread]) -> list[Unread]:
    """The same ranges in order, those that meet or overlap as one."""
    found: list[Unread] = []
    for each in sorted(unread, key=lambda each: (each.reason, each.start)):
        last = found[-1] if found else None
        if last is not None and last.reason == each.reason and each.start <= last.end:
            found[-1] = last._replace(end=max(last.end, each.end))
        else:
            found.append(each)
    return sorted(found)


def unread_text(unread: Iterable[Unread]) -> str:
    """As JSON text."""
    return jsontext.dumps([{"from": each.start, "to": each.end, "reason": each.reason} for each in unread])


def read_query(body: bytes, twin: Twin) -> RangeQuery:
    """The query of a hot_reader in another cloud; raises `answers.Refusal` 400."""
    try:
        document: Any = jsontext.loads(body, max_bytes=4_000)
    except jsontext.Malformed as error:
        raise Refusal(400, str(error)) from None
    if not isinstance(document, dict) or document.keys() - {_TYPES} != set(_FIELDS):
        raise Refusal(400, f"The query must have {', '.join(_FIELDS)}, and nothing else.")
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
    return RangeQuery(device, start, end, limit, cursor, order == "desc")


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
    return jsontext.dumps(dict(zip(_FIELDS, values, strict=True))).encode("ascii")


def _time(key: str) -> str:
    """The time of a key."""
    return key.partition("#")[0]


def _next_month(month: str) -> str:
    """Its first moment; of the last month there is, the last."""
    year, number = int(month[:4]), int(month[5:])
    if month == times.LATEST[:7]:
        return times.LATEST
    return tier_files.first_of(f"{year + number // 12:04}-{number % 12 + 1:02}-01")
