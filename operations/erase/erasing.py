"""Delete the readings of a device: rows, rows of files, values of the twin graph, the state of the rules.

Nothing is paused, so functions may write what they had read before it was deleted. Whatever may hold readings
is therefore looked at again in each run, and a run is the last one when it finds nothing, some time after the
last deletion (`begun.SETTLE_S`). Each step may be interrupted, and is done again by the next run.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from operations.erase import begun, values
from operations.erase.begun import SETTLE_S, Begun
from operations.erase.files import Bucket, rewrite
from operations.erase.values import Node
from operations.restore.catalogues import State
from operations.restore.files import File, Range, find
from operations.restore.locations import ARCHIVE, Location
from twin_runtime import times
from twin_runtime.errors import Refused, Retry
from twin_runtime.model import Twin
from twin_runtime.ports import GraphWriter, StateStore, Store
from twin_runtime.tiers import due_rows, tier_files

_AT_ONCE = 500
_PASSES = 10
"""Each finds what others have written meanwhile: movers write a file a second at most."""


@dataclass(frozen=True, slots=True)
class Means:
    """What an erasure works on. `stores` are the hot store and then those that it has left."""

    twin: Twin
    stores: Sequence[tuple[Location, Store]]
    buckets: Sequence[Bucket]
    graph: tuple[Location, GraphWriter] | None
    rules: tuple[Location, StateStore] | None
    retrieval_days: int
    clock: Callable[[], float] = time.time


@dataclass(frozen=True, slots=True)
class Found:
    """What may hold readings of the range. `unfinished`: an erasure of the device has begun before."""

    rows: Counter[Location]
    files: Sequence[File]
    node: Node
    rules: bool
    unfinished: bool

    @property
    def nothing(self) -> bool:
        there = self.rows.total() or self.files or self.rules or self.unfinished
        return not there and self.node in (Node.NONE, Node.KEPT)


@dataclass(slots=True)
class Outcome:
    """What was done, by this run and those before it that did not complete. `rows` and `files` count rows
    that were deleted and files that were rewritten, by tier and cloud.

    `late` are archived files that are being retrieved, `damaged` those that cannot be read, with the reason.
    `again` is the Unix time from which the same erasure can be checked.
    """

    id: str
    rows: dict[str, int]
    files: dict[str, int]
    node: Node = Node.NONE
    rules: bool = False
    late: Sequence[File] = ()
    damaged: Sequence[tuple[File, str]] = ()
    again: float | None = None

    @property
    def complete(self) -> bool:
        return not self.late and not self.damaged and self.again is None


@dataclass
class Erasure:
    """The erasure of a range. Its methods raise `Retry`."""

    means: Means
    wanted: Range
    _clean: set[tuple[Location, str]] = field(default_factory=set[tuple[Location, str]])

    def look(self) -> Found:
        """Return what may hold readings of the range. Changes nothing, and reads no file."""
        means, wanted = self.means, self.wanted
        rows = Counter({at: sum(1 for _ in self._rows(store)) for at, store in means.stores})
        known = values.node(means.graph[1], means.twin, wanted)[0] if means.graph else Node.NONE
        rules = means.rules is not None and values.mentions(means.rules[1], means.twin, wanted)
        return Found(+rows, self._files(), known, rules, bool(begun.read(self._notes, wanted.device)))

    def run(self) -> Outcome:
        """Delete what there is, as far as files can be read."""
        means, wanted, now = self.means, self.wanted, self.means.clock()
        before = begun.read(self._notes, wanted.device)
        first = Begun(wanted, now)
        mine = next((each for each in before if each.id == first.id), first)
        # A device that still sends must not keep a later run from being the last one.
        since = times.LATEST if mine is first else times.from_epoch(mine.begun)
        killed = any(each.changed is None for each in before)
        last = max((each.changed or 0.0 for each in before), default=0.0)
        mine.changed = None
        mine.note(self._notes)
        changed = self._delete_rows(mine, since)
        late, damaged, rewritten = self._rewrite_files(mine)
        # What came meanwhile: of readings that were under way, or of a device that still sends.
        changed |= self._delete_rows(mine, since)
        outcome = Outcome(mine.id, mine.rows, mine.files, late=late, damaged=damaged)
        if means.graph:
            store = means.stores[0][1]
            outcome.node = values.replace(means.graph[1], store, means.twin, wanted, means.clock())
        if means.rules and values.mentions(means.rules[1], means.twin, wanted):
            means.rules[1].delete(wanted.device)
            outcome.rules = True
        mine.changed = means.clock() if changed or rewritten or killed else last
        mine.note(self._notes)
        if mine.changed + SETTLE_S > means.clock() and (means.buckets or means.graph):
            outcome.again = mine.changed + SETTLE_S
        return outcome

    def end(self) -> None:
        """Forget a complete erasure, and others of the device within its range."""
        for each in begun.read(self._notes, self.wanted.device):
            if self.wanted.start <= each.wanted.start and each.wanted.end <= self.wanted.end:
                each.forget(self._notes)

    @property
    def _notes(self) -> Store:
        return self.means.stores[0][1]

    def _rows(self, store: Store) -> Iterator[tuple[str, str]]:
        """Yield time and key of each row of the range."""
        for row in due_rows.read(store, self.wanted.device, start=self.wanted.start, end=self.wanted.end):
            yield row.time, row.key

    def _delete_rows(self, mine: Begun, since: str) -> bool:
        """Delete rows; return whether one of them has a time before `since`."""
        old = False
        for location, store in self.means.stores:
            rest = self._rows(store)
            while batch := list(islice(rest, _AT_ONCE)):
                store.delete(self.wanted.device, [key for _, key in batch])
                _count(mine.rows, location.tier, location.cloud, len(batch))
                old |= batch[0][0] < since
        return old

    def _files(self) -> list[File]:
        lists = [(bucket.location, bucket.listing) for bucket in self.means.buckets]
        return find(lists, self.wanted)

    def _rewrite_files(self, mine: Begun) -> tuple[list[File], list[tuple[File, str]], bool]:
        """Rewrite files until a list has none that holds a row of the range; return those that are archived,
        those that are damaged, and whether one was rewritten.
        """
        buckets = {bucket.location: bucket for bucket in self.means.buckets}
        rewritten = False
        late: dict[tuple[Location, str], File] = {}
        for _ in range(_PASSES):
            damaged: list[tuple[File, str]] = []
            settled = True
            for file in self._files():
                place = file.location, file.entry.name
                if place in self._clean or place in late or file.name.digest in mine.clean:
                    continue
                bucket = buckets[file.location]
                try:
                    ready = file.entry.state is State.READY
                    if not ready and not bucket.objects.thaw(file.entry.name, days=self.means.retrieval_days):
                        late[place] = file
                        continue
                    done = rewrite(bucket, file.entry.name, self.means.twin, self.wanted)
                except Refused:
                    settled = False  # a mover or a rule has taken it elsewhere: the next list says where
                    continue
                except tier_files.Invalid as error:
                    damaged.append((file, str(error)))
                    continue
                self._note_clean(mine, file, done.name)
                if done.rows:
                    settled, rewritten = False, True
                    _count(mine.rows, file.tier, file.location.cloud, done.rows)
                    _count(mine.files, file.tier, file.location.cloud, 1)
                    mine.note(self._notes)
            if settled:
                return list(late.values()), damaged, rewritten
        raise Retry("Files of the range keep changing.")

    def _note_clean(self, mine: Begun, file: File, name: str | None) -> None:
        """Remember that a file has no row of the range; in an archive also for the next run."""
        if name is None:
            return
        self._clean.add((file.location, name))
        if file.entry.archived or file.tier == ARCHIVE:
            mine.clean.append(tier_files.parse_name(name).digest)


def _count(counts: dict[str, int], tier: str, cloud: str, number: int) -> None:
    name = f"{tier} {cloud}"
    counts[name] = counts.get(name, 0) + number
