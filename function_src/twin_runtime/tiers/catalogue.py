"""The files of the cold tier with their index: each row is in one file, and the index finds it.

What is done takes several objects, and a function can be killed between any two of them. So a change is
noted before it is begun (`index/pending/`), and the note is deleted when all of it is done: the next run that
finds an old note goes on with it. The order is: note, new file, index of each bucket, replaced files deleted,
note deleted. A row is found in the old files until the index of its bucket names the new one.

Writers at a time meet in the index of a bucket and a month, which each replaces in the version that it has
read. A writer whose version is gone reads again, and looks again which of its rows others have indexed: those
it takes out of its file.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, TypeVar

from twin_runtime import deadlines, times
from twin_runtime.deadlines import over
from twin_runtime.errors import Refused, Retry
from twin_runtime.log import Log
from twin_runtime.model import Twin
from twin_runtime.ports import Objects, Row, Stored
from twin_runtime.storage.rows import to_json
from twin_runtime.tiers import due_rows, index, tier_files
from twin_runtime.tiers.buckets import bucket
from twin_runtime.tiers.index import ADOPTED, PENDING, Entry, Index, Month
from twin_runtime.tiers.tier_files import EVENTS, Block, File

MOST_OVERLAPPING = 3
"""Files that a moment of a device may be in: a page reads all of them."""
PENDING_S = 600
"""Before a change that was begun is this old, whoever began it may still be at work."""
_AGAIN_S = 3_600
"""A function of the release before may put files for as long after those that are there were indexed."""
_SECOND_PASS_S = 60.0
"""Of a run: meanwhile files are added."""
_MERGED_BYTES = 12_000_000
"""Of the lines of a file that others are merged into: less than a file may have."""
_PAGE = 1_000
WORKERS = 8
"""Buckets that are changed at a time. Each change holds a month of its bucket, which may be 17 MB."""
_MOST_LISTED = 200_000
_T = TypeVar("_T")

Identity = tuple[str, str]
"""Device and key of a row."""


class _Gone(Exception):
    """The file was replaced a short time ago. `lasts`: nobody gives its name to another for a while."""

    def __init__(self, *, lasts: bool) -> None:
        super().__init__("A file of these rows was replaced a short time ago.")
        self.lasts = lasts


class _Missing(Exception):
    """The bytes of an entry are not there: its file was replaced meanwhile, or has gone to the archive."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(entry.file)
        self.entry = entry


@dataclass(frozen=True, slots=True)
class _Look:
    """What was seen in a bucket's month: rows that others have; its version; whether the file is in it."""

    taken: set[Identity]
    version: str | None
    indexed: bool


@dataclass(frozen=True, slots=True)
class _Change:
    """A file takes the place of others; either may be none. All are of one day."""

    file: File | None
    replaces: tuple[str, ...]
    deadline: float
    put: bool = True
    """The store has got the file just now: as old is it for a rule that deletes it."""

    @property
    def day(self) -> str:
        return tier_files.parse_name(self.file.name if self.file else self.replaces[0]).day

    @property
    def month(self) -> str:
        return self.day[: len("2024-02")]

    def blocks(self, of: str) -> list[Block]:
        """Those of the devices of a bucket."""
        return [each for each in self.file.blocks if bucket(each.device) == of] if self.file else []


class Catalogue:
    """Files and index in one object store. Thread-safe: all threads together have so many `workers`."""

    def __init__(
        self,
        objects: Objects,
        twin: Twin,
        *,
        log: Log,
        clock: Callable[[], float] = time.time,
        workers: int = WORKERS,
    ) -> None:
        self._objects = objects
        self._index = Index(objects)
        self._twin = twin
        self._log = log
        self._clock = clock
        self._workers = workers
        self._turns = threading.BoundedSemaphore(workers)
        self._adopted = False
        self._lock = threading.Lock()
        self._listed: set[tuple[str, str]] = set()
        """Months that the devices' lists are known to have."""

    def add(self, file: File, *, deadline: float = math.inf) -> Stored:
        """Store the rows of a file that no file has yet; adding a row again is adding it once. Two rows with
        one key and other content are both stored, in two files, and the log says so.

        Returns `file` as if it were stored whole, when all of its rows are: some may be in other files.
        Raises `errors.Retry`, also when it is not done at `deadline`, in `time.monotonic` seconds, and
        `errors.Refused` for a file that is none of this twin.
        """
        self._check_adopted(deadline)
        if not file.blocks:
            file = self._opened(file.body, file.name)
        change = _Change(file, (), deadline)
        buckets = sorted({bucket(each.device) for each in file.blocks})
        looks = self._each(lambda of: self._looked(of, change), buckets)
        taken = set[Identity]().union(*(each.taken for each in looks))
        # The file itself may be there, in some buckets: it is stored as it is, or what is not indexed of it.
        # Unless a rule has deleted it since.
        there = {of for of, each in zip(buckets, looks, strict=True) if each.indexed} if taken else set[str]()
        if there and not self._is_stored(file):
            there.clear()
        rest = self._without(file, taken, there)
        if rest is not None:
            known = dict(zip(buckets, looks, strict=True))
            try:
                crowded = self._bring(_Change(rest, (), deadline), buckets, known)
            except _Gone as error:
                raise Retry(str(error)) from None
            self._merge(crowded, deadline)
        return Stored(file.name, len(file.body), file.rows, file.sha256)

    def settle(self, *, deadline: float = math.inf) -> bool:
        """Go on with what others began and did not end, and index the files of the release before; whether
        nothing of that is left: something is when the time is over. Raises `errors.Retry`.
        """
        try:
            done = self._forward(deadline)
            return self._adopt(deadline) and done
        except Retry:
            if over(deadline):
                return False
            raise

    def find(
        self,
        device: str,
        start: str = times.EARLIEST,
        end: str = times.LATEST,
        *,
        cursor: str | None = None,
        descending: bool = False,
    ) -> Iterator[Entry]:
        """The entries that can hold rows of a device with start <= time < end, after the cursor (a key), in
        order; a month of the index is read when it is come to. Raises `errors.Retry`.
        """
        from twin_runtime.storage.range_query import MAX_LIMIT, RangeQuery

        query = RangeQuery(device, start, end, MAX_LIMIT, cursor, descending)
        for _, entries in index.find(self._index, query):
            yield from entries

    def rewrite(self, name: str, keep: Callable[[Row], bool], *, deadline: float = math.inf) -> int:
        """Put a file of the rows that `keep` keeps in the place of a file; returns how many it has left out.

        0 where the file is gone. A merge may bring the same rows into another file meanwhile: do it again
        until `find` gives no file with such a row. Raises `errors.Retry`, and `errors.Refused` where the file
        has gone to the archive, or is damaged.
        """
        self._forward(deadline, of=(name,))
        try:
            found = self._rows(name)
        except Refused:
            if self._objects.names(name, limit=1):
                raise
            return 0
        kept = [row for row in found if keep(row)]
        if len(kept) < len(found):
            new = tier_files.pack(kept, self._twin, tier_files.parse_name(name).type) if kept else None
            buckets = sorted({bucket(row.device) for row in found})
            try:
                self._bring(_Change(new, (name,), deadline), buckets)
            except _Gone as error:
                raise Retry(str(error)) from None
        return len(found) - len(kept)

    def rename(
        self, name: str, new: str | None, devices: Collection[str], device: str, keys: Sequence[str]
    ) -> None:
        """Have the index know a file of `devices`, which is in another store, by another name; None: it is
        gone. Of the rows of `device` it then has those with these keys alone, in order. Raises
        `errors.Retry`.
        """
        month = tier_files.parse_name(name).day[: len("2024-02")]
        for of in sorted({bucket(each) for each in devices}):
            while True:
                found, version = self._index.month(of, month)
                if not found.rename(name, new, device, keys):
                    break
                path = index.month_name(of, month)
                if self._index.write(path, found.document(int(self._clock())), version):
                    break

    # One change.

    def _bring(
        self,
        change: _Change,
        buckets: Sequence[str],
        known: Mapping[str, _Look] | None = None,
        *,
        note: str = "",
    ) -> set[str]:
        """Make a change. `known` are looks after which rows that others have were taken out of the file.
        `note` is that of a change which was begun before. Returns files that overlap with too many others.
        """
        deadlines.check(change.deadline)
        file, known = change.file, known or {}
        if not note:
            note = f"{PENDING}{int(self._clock()):010}~{os.urandom(8).hex()}"
            document = {"file": file and file.name, "replaces": change.replaces, "buckets": list(buckets)}
            self._index.write(note, document, None)
            indexed = bool(known) and all(each.indexed for each in known.values())
            # One that is indexed may have been deleted since, by whatever.
            change = replace(change, put=not (indexed and file is not None and self._is_stored(file)))
            if file is not None and change.put:
                self._put(file, change.deadline)
        try:
            done = self._each(lambda of: self._change(of, change, known.get(of)), buckets)
        except _Gone as error:
            # What has replaced it has all of its rows that shall be kept; it was put once more. Later another
            # may be given the name.
            if file is not None and error.lasts:
                self._objects.delete(file.name)
                self._objects.delete(note)
            raise
        taken = set[Identity]().union(*(each for each, _ in done))
        crowded = set[str]().union(*(each for _, each in done))
        if file is not None and taken:
            rest = self._without(file, taken)
            crowded = self._bring(_Change(rest, (file.name, *change.replaces), change.deadline), buckets)
        else:
            for name in change.replaces:
                self._objects.delete(name)
        self._objects.delete(note)
        return crowded

    def _put(self, file: File, deadline: float) -> None:
        self._objects.put(file.name, file.body, rows=file.rows, sha256=file.sha256)
        deadlines.check(deadline)
        if not self._is_stored(file):
            raise Retry("The store holds something else than the file that it was given.")

    def _is_stored(self, file: File) -> bool:
        return self._objects.stat(file.name) == Stored(file.name, len(file.body), file.rows, file.sha256)

    def _looked(self, of: str, change: _Change) -> _Look:
        taken, month, version = self._look(of, change)
        name = change.file.name if change.file else ""
        return _Look(taken, version, name in month.files())

    def _look(
        self, of: str, change: _Change, known: _Look | None = None
    ) -> tuple[set[Identity], Month, str | None]:
        """Which rows of the file others have, in a bucket; and the month that says so, with its version. None
        in the version that is `known`.
        """
        missing: set[Entry] = set()
        while True:
            deadlines.check(change.deadline)
            month, version = self._index.month(of, change.month)
            if known is not None and known.version == version:
                return set(), month, version
            try:
                return self._taken(of, change, month, missing), month, version
            except _Missing as error:
                missing.add(error.entry)

    def _change(self, of: str, change: _Change, known: _Look | None) -> tuple[set[Identity], set[str]]:
        """Index the change in a bucket. Where others have rows of the file, it is not done, and those are
        returned; else the files that overlap with too many others.
        """
        now, name, blocks = int(self._clock()), change.file and change.file.name, change.blocks(of)
        while True:
            taken, month, version = self._look(of, change, known)
            if taken:
                return taken, set()
            if name is not None and month.is_gone(name, now):
                raise _Gone(lasts=month.is_gone(name, now + index.GONE_S // 2))
            changed = month.change(name, blocks, change.replaces, now, put=change.put)
            path = index.month_name(of, change.month)
            if not changed or self._index.write(path, month.document(now), version):
                break
        self._list(of, change, {each.device for each in blocks})
        return set(), self._crowded(month, change.day, blocks)

    def _list(self, of: str, change: _Change, devices: set[str]) -> None:
        """Have the month in the lists of devices."""
        month, name = change.month, index.devices_name(of)
        with self._lock:
            new = {device for device in devices if (device, month) not in self._listed}
        while new:
            deadlines.check(change.deadline)
            document, version = self._index.read(name)
            lists = document.setdefault("devices", {})
            missing = [device for device in sorted(new) if month not in lists.get(device, ())]
            for device in missing:
                lists[device] = sorted([*lists.get(device, ()), month])
            if not missing or self._index.write(name, document, version):
                with self._lock:
                    if len(self._listed) > _MOST_LISTED:
                        self._listed.clear()
                    self._listed |= {(device, month) for device in new}
                return

    def _taken(self, of: str, change: _Change, month: Month, missing: Collection[Entry]) -> set[Identity]:
        """Rows of the file that other files have, but for those that it replaces. An entry that is `missing`
        for the second time has gone to the archive: what is in it is not known.
        """
        taken: set[Identity] = set()
        file = change.file
        if file is None:
            return taken
        besides = {file.name, *change.replaces}
        for device, some in groupby(change.blocks(of), lambda each: each.device):
            blocks = list(some)
            others = [
                each
                for each in month.entries(device, change.day)
                if each.file not in besides and any(each.overlaps(its.first, its.last) for its in blocks)
            ]
            if not others:
                continue
            mine = {
                key: text
                for its in blocks
                for key, text in self._events(file.body[its.offset : its.offset + its.length], device)
            }
            rivals: dict[str, str] = {}
            for each in others:
                for key, text in self._of_entry(each, device, missing):  # one at a time: they are many
                    if key not in mine:
                        continue
                    if self._same(text, mine[key]):
                        taken.add((device, key))
                    else:
                        rivals[key] = each.file
            for key, rival in rivals.items():
                # Where the file is in the index already, it was said when it came there.
                if (device, key) not in taken and file.name not in month.files():
                    id = key.partition("#")[2]
                    self._log.error("file_conflict", device=device, id=id, key=key, file=rival)
        return taken

    def _of_entry(self, entry: Entry, device: str, missing: Collection[Entry]) -> Iterable[tuple[str, str]]:
        try:
            body = self._objects.get(entry.file, start=entry.offset, length=entry.length)
        except Refused:
            if entry not in missing:
                raise _Missing(entry) from None
            self._log.warning("file_unread", reason="The file is archived or gone.", name=entry.file)
            return ()
        return self._events(body, device)

    def _events(self, body: bytes, device: str) -> Iterator[tuple[str, str]]:
        try:
            yield from tier_files.events_of(body, self._twin, device)
        except tier_files.Invalid as error:
            raise Retry(f"A file that is indexed is damaged: {error}") from None

    def _same(self, one: str, other: str) -> bool:
        if one == other:
            return True
        first, second = (tier_files.event_row(text, self._twin) for text in (one, other))
        # A device may have another type when its reading comes again: it is the same reading.
        return first.same_content(second._replace(subject=first.subject))

    def _without(self, file: File, taken: Collection[Identity], buckets: Collection[str] = ()) -> File | None:
        """The file without some rows, and without those of buckets; None where none is left."""
        if not taken:
            return file
        rest = [
            row
            for row in tier_files.unpack(file.body, file.name, self._twin)
            if (row.device, row.key) not in taken and bucket(row.device) not in buckets
        ]
        return tier_files.pack(rest, self._twin, rest[0].subject) if rest else None

    # Files that overlap.

    def _crowded(self, month: Month, day: str, blocks: Sequence[Block]) -> set[str]:
        """The files of each device that has a moment in too many of them."""
        found: set[str] = set()
        for device in {each.device for each in blocks}:
            entries = month.entries(device, day)
            if any(
                sum(each.overlaps(moment.first, moment.first) for each in entries) > MOST_OVERLAPPING
                for moment in entries
            ):
                found |= {
                    each.file
                    for each in entries
                    if any(each.overlaps(its.first, its.last) for its in entries if its.file != each.file)
                }
        return found

    def _merge(self, names: Collection[str], deadline: float) -> None:
        """Make one file of the smallest of some, of the same type. What fails is left to the next file that
        overlaps: all rows are in files already.
        """
        by_type: dict[str, list[tuple[int, str]]] = {}
        for text in names:
            name = tier_files.parse_name(text)
            by_type.setdefault(name.type, []).append((name.rows, text))
        for type, some in by_type.items():
            try:
                self._merge_some(type, sorted(some), deadline)
            except (Retry, Refused, _Gone) as error:
                self._log.warning("merge_failed", reason=str(error))

    def _merge_some(self, type: str, some: Sequence[tuple[int, str]], deadline: float) -> None:
        self._forward(deadline, of=[name for _, name in some])
        rows: list[Row] = []
        chosen: list[str] = []
        known: set[Identity] = set()
        size = 0
        for count, name in some:
            if len(rows) + count > tier_files.MAX_ROWS:
                break
            deadlines.check(deadline)
            try:
                found = self._rows(name)
            except Refused:
                continue  # it was replaced, or is archived
            keys = {(row.device, row.key) for row in found}
            if not known.isdisjoint(keys):
                continue  # a file has each key once: two rows with one key stay in two files
            size += sum(len(to_json(row, self._twin, type)) + 1 for row in found)
            if size > _MERGED_BYTES:
                break
            known |= keys
            rows += found
            chosen.append(name)
        if len(chosen) > 1:
            rows.sort(key=lambda row: (row.device, row.key))
            buckets = sorted({bucket(row.device) for row in rows})
            merged = tier_files.pack(rows, self._twin, type)
            self._bring(_Change(merged, tuple(chosen), deadline), buckets)
            self._log.info("merged", files=len(chosen), rows=len(rows))

    def _rows(self, name: str) -> list[Row]:
        try:
            return list(tier_files.unpack(self._objects.get(name), name, self._twin))
        except tier_files.Invalid as error:
            raise Refused(f"{name} is damaged: {error}") from None

    def _opened(self, body: bytes, name: str) -> File:
        try:
            return tier_files.opened(body, name, self._twin)
        except tier_files.Invalid as error:
            raise Refused(f"{name} is damaged: {error}") from None

    # What was begun before.

    def _forward(self, deadline: float, *, of: Sequence[str] | None = None) -> bool:
        """End what was begun and is old; or what was begun with the files `of`, however young. Whether all of
        it is done.
        """
        deadlines.check(deadline)
        for note in self._objects.names(PENDING, limit=_PAGE):
            if of is None and self._clock() - int(note.removeprefix(PENDING)[:10]) <= PENDING_S:
                break
            if over(deadline):
                return False
            document, version = self._index.read(note)
            if version is None:
                continue
            file, replaces = document["file"], tuple(document["replaces"])
            if of is None or {file, *replaces} & set(of):
                self._go_on(note, file, replaces, document["buckets"], deadline)
        return True

    def _go_on(
        self, note: str, name: str | None, replaces: tuple[str, ...], buckets: list[str], deadline: float
    ) -> None:
        file = None
        if name is not None:
            file = self._kept(name)
            if file is None:
                # Its writer may be asleep before it puts the file, but not for as long as this.
                if self._clock() - int(note.removeprefix(PENDING)[:10]) > index.GONE_S:
                    self._objects.delete(note)
                return
        try:
            crowded = self._bring(_Change(file, replaces, deadline), buckets, note=note)
        except _Gone:
            return
        self._log.info("went_on", name=name or replaces[0])
        self._merge(crowded, deadline)

    def _kept(self, name: str) -> File | None:
        """A file that may not be indexed. None where there is none, or it cannot be read: then the note of
        what is adopted has its day.
        """
        try:
            return self._opened(self._objects.get(name), name)
        except Refused as error:
            if self._objects.names(name, limit=1):
                self._log.error("file_unread", reason=error.reason, name=name)
                self._miss(due_rows.next_day(tier_files.parse_name(name).day))
            return None

    # Files of the release before.

    def _check_adopted(self, deadline: float) -> None:
        if self._adopted:
            return
        if not self._index.read(ADOPTED)[0].get("passes"):
            if not self._objects.names(EVENTS, limit=1):
                self._adopt(deadline)
            elif not self._index.read(ADOPTED)[0].get("passes"):  # another may have begun just now
                raise Retry("The files of the release before are not indexed yet.")
        self._adopted = True

    def _adopt(self, deadline: float) -> bool:
        """Index the files that are not, in two passes: once before files are added, and once when no function
        of the release before runs any more.
        """
        deadlines.check(deadline)
        note, version = self._index.read(ADOPTED)
        passes, after = note.get("passes", 0), note.get("after", "")
        if passes > 1 or (passes == 1 and self._clock() < note["at"] + _AGAIN_S):
            return True
        until = min(deadline, time.monotonic() + _SECOND_PASS_S) if passes else deadline
        archived = self._twin.cold_days if self._twin.archive_days is not None else None
        deadlines.check(deadline)
        if version is None and archived is not None and self._objects.names(EVENTS, limit=1):
            # Older files have gone to the archive, or go there at any time.
            self._miss(tier_files.day_of(due_rows.cutoff(self._clock(), archived)))
        deadlines.check(deadline)
        before = self._index.read(ADOPTED)[0].get("before") or ""
        while True:
            deadlines.check(deadline)
            page = self._objects.names(EVENTS, after=after, limit=_PAGE)
            if not page:
                break
            for name in page:
                if over(until):
                    self._note(passes, after)
                    return passes > 0
                self._adopt_file(name, before, deadline)
                after = name
            self._note(passes, after)
        self._note(passes + 1, "")
        return True

    def _adopt_file(self, text: str, before: str, deadline: float) -> None:
        try:
            name = tier_files.parse_name(text)
        except tier_files.Invalid as error:
            self._log.warning("name_unknown", reason=str(error), name=text)
            return
        if name.day < before or text in self._index.month(bucket(name.first), name.day[:7])[0].files():
            return
        file = self._kept(text)
        if file is not None:
            buckets = sorted({bucket(each.device) for each in file.blocks})
            try:
                self._bring(_Change(file, (), deadline), buckets)
            except _Gone:
                self._log.info("passed_over", name=text)

    def _note(self, passes: int, after: str) -> None:
        """Note how far adoption is, unless another run is further."""

        def forward(note: dict[str, Any]) -> bool:
            if (note.get("passes", 0), note.get("after", "")) >= (passes, after) and "at" in note:
                return False
            if note.get("passes") != passes:
                note["at"] = int(self._clock())
            note |= {"passes": passes, "after": after}
            return True

        self._edit(forward)

    def _miss(self, before: str) -> None:
        """Note that rows from before a day may be in files that are not indexed."""

        def wider(note: dict[str, Any]) -> bool:
            if before <= (note.get("before") or ""):
                return False
            note["before"] = before
            return True

        self._edit(wider)

    def _edit(self, change: Callable[[dict[str, Any]], bool]) -> None:
        while True:
            note, version = self._index.read(ADOPTED)
            if not change(note) or self._index.write(ADOPTED, note, version):
                return

    def _each(self, call: Callable[[str], _T], buckets: Sequence[str]) -> list[_T]:
        def turn(of: str) -> _T:
            with self._turns:
                return call(of)

        if min(self._workers, len(buckets)) < 2:
            return [turn(of) for of in buckets]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(self._workers, len(buckets))) as pool:
            return [done.result() for done in [pool.submit(turn, of) for of in buckets]]
