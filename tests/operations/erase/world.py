"""A twin in memory: a hot store and a former one, a cold bucket, an archive whose files are frozen, a graph,
and the state of rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from operations.erase.begun import DEVICE as NOTES
from operations.erase.begun import SETTLE_S
from operations.erase.erasing import Erasure, Means, Outcome
from operations.erase.files import Bucket
from operations.restore.files import Range
from operations.restore.locations import Location
from support.catalogue import MemoryCatalogue
from support.graphs import GRAPH_DOCUMENT
from support.memory import MemoryGraph, MemoryObjects, MemoryStateStore, MemoryStore
from support.samples import log
from support.tiers import DAY, Tripwire, Wired, row
from twin_runtime import model, times
from twin_runtime.ports import GraphTwin, Row, Stored
from twin_runtime.tiers import tier_files
from twin_runtime.tiers.catalogue import Catalogue
from twin_runtime.tiers.tier_files import File

TWIN = model.parse(GRAPH_DOCUMENT | {"safety_days": 30, "cold_days": 90, "archive_days": 3650})
DEVICE, OTHER = "thermostat-1", "thermostat-2"
NOW = 1_717_200_000.0
HOT = Location("hot", "aws", "table")
FORMER = Location("hot", "gcp", "former")
COLD = Location("cold", "azure", "cold")
ARCHIVE = Location("archive", "aws", "archive")
ALL = Range(DEVICE, None, times.EARLIEST, times.LATEST)

Identity = tuple[str, str]


def at(days: float) -> str:
    """So many days before now."""
    return times.from_epoch(NOW - days * DAY)


def reading(device: str, days: float, value: float = 20.0) -> Row:
    return row(device, at(days), f"e{days}", f'{{"temperature":{value}}}')


def packed(rows: Iterable[Row]) -> File:
    return tier_files.pack(sorted(rows, key=lambda each: (each.device, each.key)), TWIN, "thermostat")


class Plain:
    """A sink without an index, as the archive of another cloud is."""

    def __init__(self, objects: MemoryObjects) -> None:
        self._objects = objects

    def store(self, file: File, *, deadline: float) -> Stored:
        self._objects.put(file.name, file.body, rows=file.rows, sha256=file.sha256)
        stored = self._objects.stat(file.name)
        assert stored is not None
        return stored

    def settle(self, *, deadline: float) -> bool:
        return True


@dataclass
class World:
    hot: MemoryStore = field(default_factory=MemoryStore)
    former: MemoryStore = field(default_factory=MemoryStore)
    cold: MemoryObjects = field(default_factory=MemoryObjects)
    archive: MemoryObjects = field(default_factory=MemoryObjects)
    graph: MemoryGraph = field(default_factory=MemoryGraph)
    states: MemoryStateStore = field(default_factory=MemoryStateStore)
    now: float = NOW
    twin: model.Twin = TWIN

    @classmethod
    def full(cls) -> World:
        """With rows of two devices, of each age, in the tier of that age. One file is of the release before:
        it is in no index.
        """
        made = cls()
        made.hot.put([reading(each, days) for each in (DEVICE, OTHER) for days in (0.01, 0.5, 5, 20)])
        made.former.put([reading(each, days) for each in (DEVICE, OTHER) for days in (25,)])
        index = made.index()
        for days in (40, 41):
            index.add(packed([reading(each, days) for each in (DEVICE, OTHER)]))
        index.add(packed([reading(DEVICE, 70.2), reading(DEVICE, 70.1)]))
        index.add(packed([reading(OTHER, 70)]))
        for days in (100, 101):
            file = packed([reading(each, days) for each in (DEVICE, OTHER)])
            index.add(file)
            Plain(made.archive).store(file, deadline=0)
            made.cold.delete(file.name)
        Plain(made.cold).store(packed([reading(each, 60) for each in (DEVICE, OTHER)]), deadline=0)
        made.archive.frozen |= set(made.archive.kept)
        for each in (DEVICE, OTHER):
            made.graph.put_twin(GraphTwin(each, "thermostat", each), digest="d")
            made.graph.set_values(each, {"temperature": 20.0}, at(0.01))
            made.states.put_if_absent(each, record(at(0.5)))
        return made

    def erasure(self, wanted: Range = ALL, wire: Tripwire | None = None) -> Erasure:
        """The erasure by a process of its own."""
        wire = wire or Tripwire()

        def wired(port: Any) -> Any:
            return Wired(port, wire)

        index = self.index(wire)
        return Erasure(
            Means(
                self.twin,
                [(HOT, wired(self.hot)), (FORMER, wired(self.former))],
                [
                    Bucket(COLD, MemoryCatalogue(wired(self.cold)), wired(self.cold), index),
                    Bucket(ARCHIVE, MemoryCatalogue(wired(self.archive)), wired(self.archive), index),
                ],
                (Location("graph", "gcp", "graph"), wired(self.graph)),
                (Location("rule_state", "aws", "state"), wired(self.states)),
                7,
                clock=lambda: self.now,
            ),
            wanted,
        )

    def index(self, wire: Tripwire | None = None) -> Catalogue:
        cold: Any = Wired(self.cold, wire or Tripwire())
        return Catalogue(cold, self.twin, log=log("erase")[0], clock=lambda: self.now, workers=1)

    def until_complete(self, wanted: Range = ALL) -> Outcome:
        """Run the erasure as often as it says."""
        for _ in range(6):
            erasure = self.erasure(wanted)
            outcome = erasure.run()
            if outcome.complete:
                erasure.end()
                assert [each for each in self.hot.rows if each[0] == NOTES] == []
                return outcome
            self.now = max(outcome.again or 0.0, self.now + 60)
        raise AssertionError("It never completes.")

    def indexed(self, device: str) -> Counter[str]:
        """How many rows of a device the index says there are, by day."""
        found: Counter[str] = Counter()
        for entry in self.index().find(device):
            found[entry.day] += entry.rows
        return found

    def rows(self) -> Counter[Identity]:
        """How often each row is somewhere."""
        found: Counter[Identity] = Counter()
        for store in (self.hot, self.former):
            found.update(key for key in store.rows if not key[0].startswith("~"))
        for objects in (self.cold, self.archive):
            for name, (body, stored) in objects.kept.items():
                if not name.startswith(tier_files.EVENTS):
                    continue
                rows = list(tier_files.unpack(body, name, TWIN))
                assert stored.rows == len(rows)
                found.update((each.device, each.key) for each in rows)
        return found


def outside(rows: Counter[Identity], wanted: Range = ALL) -> Counter[Identity]:
    """The rows that are not of the range."""
    return Counter(
        {
            (device, key): number
            for (device, key), number in rows.items()
            if device != wanted.device or not wanted.start <= key.partition("#")[0] < wanted.end
        }
    )


def record(time: str, firings: str = "[]") -> str:
    """The state of the rules of a device, whose last event had a time."""
    key = f"{time}#e1"
    rules = (
        f'{{"overheating":{{"of":"d","leaves":[[0,true,"{key}"]],"since":"{key}","fired":"{key}","at":1}}}}'
    )
    return f'{{"v":1,"rules":{rules},"firings":{firings}}}'


__all__ = [
    "ALL",
    "DEVICE",
    "NOW",
    "OTHER",
    "SETTLE_S",
    "Plain",
    "World",
    "at",
    "outside",
    "packed",
    "reading",
    "record",
]
