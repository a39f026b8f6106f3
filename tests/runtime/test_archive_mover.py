"""archive_mover in memory: old files move, whole, and are never in neither tier."""

from __future__ import annotations

from typing import Any

import pytest

from support.memory import MemoryObjects
from support.samples import DOCUMENT, log
from support.tiers import DAY, NOW, TWIN, Direct, Killed, Tripwire, Wired, link_to, row, writer_of
from twin_runtime import model
from twin_runtime.errors import Refused, Retry
from twin_runtime.functions import archive_mover
from twin_runtime.functions.archive_mover import Archived, ArchiveMover
from twin_runtime.ports import Stored
from twin_runtime.roles import Role
from twin_runtime.tiers import tier_files
from twin_runtime.tiers.file_sinks import RemoteFiles
from twin_runtime.tiers.tier_files import File
from twinspan import alarms

LINE = NOW - 90 * DAY
"""What was before the day of this is older than `cold_days`."""


class Pair:
    """A cold tier and an archive behind its writer. Each file is of one row."""

    def __init__(self, count: int = 9, *, twin: model.Twin = TWIN) -> None:
        self.cold, self.archive = MemoryObjects(), MemoryObjects()
        self.twin = twin
        self.due = [self.put(row(at=LINE - DAY * (1 + n % 4), id=f"e{n}")) for n in range(count)]
        self.due += [self.put(row("pump-1", at=LINE - 1, id=f"p{n}"), "pump") for n in range(count)]
        self.young = [self.put(row(at=LINE + n * DAY, id=f"y{n}")) for n in range(3)]
        self.young += [self.put(row("pump-1", at=LINE + n * DAY, id=f"y{n}"), "pump") for n in range(3)]

    def put(self, each: Any, type: str = "thermostat") -> File:
        made = tier_files.pack([each], TWIN, type)
        self.cold.put(made.name, made.body, rows=made.rows, sha256=made.sha256)
        return made

    def mover(self, wire: Tripwire | None = None, client: Direct | None = None) -> ArchiveMover:
        wire = wire or Tripwire()
        cold: Any = Wired(self.cold, wire)
        archive = Wired(self.archive, wire)
        sink = RemoteFiles(link_to(client or Direct(writer_of(archive, reads=False))), part_bytes=200)
        return ArchiveMover(
            twin=self.twin, objects=cold, sink=sink, log=log("archive_mover")[0], clock=lambda: NOW
        )

    def run(self, partition: int = 0, partitions: int = 1) -> Archived:
        return self.mover().run(partition, partitions, budget=60)

    def check_nothing_is_lost(self) -> None:
        for file in (*self.due, *self.young):
            assert file.name in self.cold.kept or file.name in self.archive.kept

    def check_moved(self) -> None:
        assert set(self.cold.kept) == {file.name for file in self.young}
        held = {name for name in self.archive.kept if not name.startswith("parts/")}
        assert held == {file.name for file in self.due}
        for file in self.due:
            assert self.archive.get(file.name) == file.body
            stored = self.archive.stat(file.name)
            assert stored is not None
            assert (stored.rows, stored.sha256) == (file.rows, file.sha256)


def test_old_files_move_and_others_stay() -> None:
    pair = Pair()
    moved = pair.run()
    pair.check_moved()
    assert moved == Archived(18, 18, sum(len(file.body) for file in pair.due), True)
    assert pair.run() == Archived(0, 0, 0, True)


def test_names_are_read_by_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    for page in (1, 2, 5):
        monkeypatch.setattr(archive_mover, "_PAGE", page)
        pair = Pair()
        pair.run()
        pair.check_moved()


def test_partitions_share_the_files() -> None:
    pair = Pair(20)
    counts = [pair.run(partition, 3).files for partition in range(3)]
    assert sum(counts) == 40
    assert min(counts) > 5
    pair.check_moved()
    with pytest.raises(ValueError, match="partition 3"):
        pair.run(3, 3)


def test_a_run_ends_with_its_budget() -> None:
    pair = Pair()
    assert pair.mover().run(0, 1, budget=0) == Archived(0, 0, 0, False)


def test_without_an_age_there_is_nothing_to_do() -> None:
    pair = Pair(twin=model.parse(DOCUMENT))
    assert pair.run() == Archived()


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_every_call(after: bool) -> None:
    counted = Pair(2)
    wire = Tripwire()
    counted.mover(wire).run(0, 1, budget=60)
    for kill in range(1, wire.calls + 1):
        pair = Pair(2)
        killed = Tripwire(kill, after=after)
        killed.watch = pair.check_nothing_is_lost
        with pytest.raises(Killed):
            pair.mover(killed).run(0, 1, budget=60)
        pair.check_nothing_is_lost()
        again = Tripwire()
        again.watch = pair.check_nothing_is_lost
        pair.mover(again).run(0, 1, budget=60)
        pair.check_moved()


def test_a_run_meets_another_at_every_call() -> None:
    counted = Pair(2)
    wire = Tripwire()
    counted.mover(wire).run(0, 1, budget=60)
    for at in range(1, wire.calls + 1):
        pair = Pair(2)
        met = Tripwire()

        def meet(met: Tripwire = met, at: int = at, pair: Pair = pair) -> None:
            pair.check_nothing_is_lost()
            if met.calls == at:
                pair.run()

        met.watch = meet
        try:
            pair.mover(met).run(0, 1, budget=60)
        except Retry:
            pair.run()
        pair.check_moved()


def test_a_file_that_is_refused_stops_no_other() -> None:
    pair = Pair()
    name = pair.due[0].name
    body, stored = pair.cold.kept[name]
    pair.cold.kept[name] = (body + b"x", stored)
    with pytest.raises(Retry, match="checksum"):
        pair.run()
    assert name in pair.cold.kept
    assert name not in pair.archive.kept
    assert len(pair.cold.kept) == len(pair.young) + 1


@pytest.mark.parametrize("error", [Refused("The receiver answered 400."), Retry("Not now.")])
def test_files_that_cannot_be_stored_stop_no_other(error: Exception) -> None:
    pair = Pair()
    bad = {pair.due[2].name, pair.due[12].name}
    logger, lines = log("archive_mover")

    class Picky:
        def store(self, file: File, *, deadline: float) -> Stored:
            if file.name in bad:
                raise error
            pair.archive.put(file.name, file.body, rows=file.rows, sha256=file.sha256)
            return Stored(file.name, len(file.body), file.rows, file.sha256)

    sink: Any = Picky()
    mover = ArchiveMover(twin=TWIN, objects=pair.cold, sink=sink, log=logger, clock=lambda: NOW)
    with pytest.raises(Retry, match=r"^2 files could not be moved\."):
        mover.run(0, 1, budget=60)
    assert set(pair.cold.kept) == bad | {file.name for file in pair.young}
    (line,) = lines.named("behind")
    assert (line["level"], line["aside"]) == ("error", 2)
    bad.clear()
    mover.run(0, 1, budget=60)
    pair.check_moved()


def test_a_run_that_leaves_old_files_reports_it() -> None:
    pair = Pair()
    logger, lines = log("archive_mover")
    mover = pair.mover()
    mover._log = logger  # type: ignore[attr-defined]
    assert not mover.run(0, 1, budget=0).done
    assert lines.named("behind") == [], "not for a day"
    pair.put(row("pump-1", at=LINE - 5 * DAY, id="old"), "pump")
    assert not mover.run(0, 1, budget=0).done
    assert [line["oldest_due_days"] for line in lines.named("behind")] == [5]
    assert set(alarms.MEASURED) <= lines.named(alarms.RUN[Role.ARCHIVE_MOVER])[-1].keys()


def test_what_lies_there_besides_files_stays() -> None:
    pair = Pair()
    other = "events/readme.txt"
    pair.cold.put(
        other, b"", rows=0, sha256="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
    pair.run()
    assert other in pair.cold.kept
    pair.cold.delete(other)
    pair.check_moved()


def test_a_service_that_fails_ends_the_run() -> None:
    pair = Pair()
    for error in (Retry("Not now."), OSError("x")):
        pair.archive.faults.ahead = [error] * 40
        mover = pair.mover()
        mover._sink._clock = lambda: -119.9  # type: ignore[attr-defined]
        with pytest.raises(Retry):
            mover.run(0, 1, budget=0.5)
        pair.archive.faults.ahead = []
        pair.check_nothing_is_lost()
    pair.run()
    pair.check_moved()


def test_a_frozen_file_waits() -> None:
    pair = Pair()
    pair.cold.frozen.add(pair.due[3].name)
    with pytest.raises(Retry, match="thawed"):
        pair.run()
    assert pair.cold.thaw(pair.due[3].name, days=7) is False
    pair.run()
    pair.check_moved()
