"""What is deleted and what is left, whatever happens meanwhile; in memory."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from operations.erase import begun
from operations.erase.values import Node
from operations.restore.files import Range
from support.graphs import GRAPH_DOCUMENT
from support.samples import log
from support.tiers import DAY, Killed, Tripwire
from twin_runtime import model
from twin_runtime.errors import Retry
from twin_runtime.functions.archive_mover import ArchiveMover
from twin_runtime.functions.cold_mover import ColdMover
from twin_runtime.functions.twin_sync import TwinSync
from twin_runtime.ports import Stored
from twin_runtime.storage.reader_client import LocalReader
from twin_runtime.tiers.file_sinks import FileSink, LocalFiles
from twin_runtime.tiers.tier_files import File

from .world import ALL, DEVICE, NOW, OTHER, SETTLE_S, Plain, World, at, outside, packed, reading, record

PART = replace(ALL, start=at(60.5), end=at(4))
"""A range with rows in the hot stores and in files, none of them archived."""


def names(world: World) -> set[str]:
    return {name for each in (world.cold, world.archive) for name in each.kept if name.startswith("events/")}


class TestWhole:
    def test_nothing_of_the_device_is_left_and_all_of_others(self) -> None:
        world = World.full()
        before = world.rows()
        outcome = world.until_complete()
        assert world.rows() == outside(before)
        assert world.indexed(DEVICE) == {}
        assert world.indexed(OTHER) == {at(days)[:10]: 1 for days in (40, 41, 60, 70, 100, 101)}
        assert outcome.rows == {"hot aws": 4, "hot gcp": 1, "cold azure": 5, "archive aws": 2}
        assert outcome.files == {"cold azure": 4, "archive aws": 2}
        assert world.graph.nodes[DEVICE].values == {}
        assert world.graph.nodes[DEVICE].time is None
        assert world.graph.nodes[OTHER].values == {"temperature": 20.0}
        assert list(world.states.records) == [OTHER]

    def test_files_without_the_device_are_not_written_again(self) -> None:
        world = World.full()
        (alone,) = (name for name in names(world) if f"{OTHER}~{OTHER}" in name)
        Plain(world.cold).store(packed([reading("thermostat-0", 41), reading(OTHER, 41)]), deadline=0)
        before = {name for name in names(world) if "thermostat-0" in name} | {alone}
        world.until_complete()
        assert before <= names(world)

    def test_archived_files_are_asked_for_and_all_else_is_deleted(self) -> None:
        world = World.full()
        outcome = world.erasure().run()
        assert len(outcome.late) == 2
        assert not outcome.complete
        assert {key for key in world.rows() if key[0] == DEVICE} == {
            (DEVICE, reading(DEVICE, days).key) for days in (100, 101)
        }

    def test_an_archived_file_is_read_once(self) -> None:
        """The new one is frozen too: it is not retrieved to see what is in it."""
        world = World.full()
        world.erasure().run()
        outcome = world.erasure().run()
        assert outcome.rows["archive aws"] == 2
        world.archive.frozen |= set(world.archive.kept)
        world.now += SETTLE_S
        assert world.erasure().run().complete

    def test_a_run_that_finds_nothing_completes_at_once(self) -> None:
        world = World.full()
        world.until_complete()
        outcome = world.erasure().run()
        assert outcome.complete
        assert (outcome.rows, outcome.files) == ({}, {})

    def test_a_damaged_file_is_named_and_does_not_stop_the_others(self) -> None:
        world = World.full()
        name = min(name for name in world.cold.kept if name.startswith("events/"))
        body, stored = world.cold.kept[name]
        world.cold.kept[name] = (body[:-3], stored)
        outcome = world.erasure().run()
        assert [(file.entry.name, reason) for file, reason in outcome.damaged] == [
            (name, "The file is not whole gzip.")
        ]
        assert not outcome.complete
        assert outcome.files["cold azure"] == 3
        assert world.cold.kept[name] == (body[:-3], stored)


class TestRange:
    def test_rows_outside_of_it_stay(self) -> None:
        world = World.full()
        before = world.rows()
        world.until_complete(PART)
        assert world.rows() == outside(before, PART)
        assert sum((before - world.rows()).values()) == 6

    def test_the_index_knows_what_is_left_in_an_archived_file(self) -> None:
        world = World.full()
        file = packed([reading(DEVICE, 110.1), reading(DEVICE, 110.2), reading(OTHER, 110.1)])
        world.index().add(file)
        Plain(world.archive).store(file, deadline=0)
        world.cold.delete(file.name)
        wanted = replace(ALL, start=at(110.15), end=at(105))
        world.until_complete(wanted)
        (entry,) = world.index().find(DEVICE, at(111), at(105))
        assert (entry.first, entry.last, entry.rows) == (reading(DEVICE, 110.2).key,) * 2 + (1,)
        assert world.rows()[DEVICE, reading(DEVICE, 110.2).key] == 1
        world.until_complete()
        assert world.indexed(DEVICE) == {}
        assert world.indexed(OTHER)[at(110.1)[:10]] == 1

    def test_values_from_after_it_stay_in_the_graph(self) -> None:
        world = World.full()
        assert world.until_complete(PART).node is Node.KEPT
        assert world.graph.nodes[DEVICE].values == {"temperature": 20.0}

    def test_values_of_it_are_replaced_by_those_of_the_newest_row_that_is_left(self) -> None:
        world = World.full()
        world.hot.put([reading(DEVICE, 0.6, 1.5)])
        wanted = replace(ALL, start=at(0.55))
        outcome = world.erasure(wanted).run()
        assert outcome.node is Node.REPLACED
        node = world.graph.nodes[DEVICE]
        assert (node.values, node.time) == ({"temperature": 1.5}, at(0.6))

    def test_a_metric_that_only_the_range_has_goes(self) -> None:
        """The time of a node is that of its newest metric: the others may be older."""
        world = World(twin=model.parse(GRAPH_DOCUMENT))
        world.graph.put_twin(graph_twin("pump-1", "pump"), digest="d")
        world.graph.set_values("pump-1", {"flow": 9.0, "mode": "a"}, at(0.1))
        world.hot.put(
            [
                reading("pump-1", 0.1)._replace(data='{"mode":"a"}', subject="pump"),
                reading("pump-1", 0.5)._replace(data='{"flow":9.0}', subject="pump"),
                reading("pump-1", 3)._replace(data='{"flow":3}', subject="pump"),
            ]
        )
        wanted = Range("pump-1", None, at(1), at(0.2))
        assert world.erasure(wanted).run().node is Node.REPLACED
        node = world.graph.nodes["pump-1"]
        assert (node.values, node.time) == ({"flow": 3.0, "mode": "a"}, at(0.1))

    @pytest.mark.parametrize(
        ("text", "deleted"),
        [
            (record(at(10)), True),
            (record(at(3)), False),
            (record(at(70)), False),
            (record(at(3), '[["overheating","e1",1,0,"",[]]]'), True),
            ("not a state", True),
        ],
    )
    def test_the_state_of_rules_goes_if_it_may_be_of_an_event_of_it(self, text: str, deleted: bool) -> None:
        world = World.full()
        world.states.records.clear()
        world.states.put_if_absent(DEVICE, text)
        assert world.erasure(PART).run().rules is deleted
        assert (DEVICE in world.states.records) is not deleted


def graph_twin(id: str, type: str) -> Any:
    from twin_runtime.ports import GraphTwin

    return GraphTwin(id, type, id)


class TestGone:
    """A device that twin.yaml no longer has."""

    def test_its_node_goes_too(self) -> None:
        document = {**GRAPH_DOCUMENT, "devices": {OTHER: "thermostat"}}
        document["model"] = {**GRAPH_DOCUMENT["model"], "relationships": []}
        world = World.full()
        world.twin = model.parse(document)
        before = world.rows()
        outcome = world.until_complete()
        assert DEVICE not in world.graph.nodes
        assert world.rows() == outside(before)
        assert list(world.states.records) == [OTHER]
        assert outcome.complete


class TestMeanwhile:
    def test_rows_of_a_device_that_still_sends_do_not_keep_it_from_completing(self) -> None:
        world = World.full()
        world.archive.frozen.clear()
        first = world.erasure().run()
        assert first.again == NOW + SETTLE_S
        world.now += SETTLE_S
        world.hot.put([reading(DEVICE, -0.001)])
        outcome = world.erasure().run()
        assert outcome.complete
        assert outside(world.rows()) == world.rows()

    def test_a_late_row_with_an_old_time_is_waited_for_again(self) -> None:
        world = World.full()
        world.archive.frozen.clear()
        world.now = world.erasure().run().again or 0.0
        world.hot.put([reading(DEVICE, 5)])
        outcome = world.erasure().run()
        assert outcome.again == world.now + SETTLE_S

    def test_a_narrower_range_waits_for_what_a_wider_one_deleted(self) -> None:
        world = World.full()
        world.archive.frozen.clear()
        world.erasure().run()
        world.now += 1
        narrow = world.erasure(PART)
        assert narrow.run().again == NOW + SETTLE_S
        world.now += SETTLE_S
        assert narrow.run().complete
        narrow.end()
        (left,) = begun.read(world.hot, DEVICE)
        assert left.wanted == ALL

    def test_a_file_that_cold_mover_had_in_memory(self) -> None:
        """The rows are deleted after it has read them and before it stores them."""
        world = World.full()
        world.archive.frozen.clear()
        world.hot.put([reading(each, days) for each in (DEVICE, OTHER) for days in (50, 50.1)])
        before = world.rows()
        sink = Between(LocalFiles(world.index()), lambda: world.erasure().run())
        mover = ColdMover(
            twin=world.twin,
            store=world.hot,
            sink=sink,
            log=log("cold_mover")[0],
            clock=lambda: NOW,
            sleep=lambda _: None,
        )
        mover.run(0, 1, budget=100)
        assert any(key[0] == DEVICE for key in world.rows()), "the mover has stored what it had"
        assert not sink.outcomes[0].complete
        world.now += SETTLE_S
        assert not world.erasure().run().complete, "it deleted something again"
        world.until_complete()
        assert world.rows().keys() == outside(before).keys()

    def test_a_file_that_archive_mover_had_in_memory(self) -> None:
        world = World.full()
        before = world.rows()
        world.now = NOW + 60 * DAY
        sink = Between(Plain(world.archive), lambda: world.erasure().run())
        mover = ArchiveMover(
            twin=world.twin,
            objects=world.cold,
            sink=sink,
            log=log("archive_mover")[0],
            clock=lambda: world.now,
        )
        mover.run(0, 1, budget=100)
        world.archive.frozen |= set(world.archive.kept)
        assert any(key[0] == DEVICE for key in world.rows())
        assert sink.outcomes[0].again
        world.now += SETTLE_S
        again = world.erasure().run()
        assert again.late, "what the mover has stored is archived now"
        world.until_complete()
        assert world.rows().keys() == outside(before).keys()

    def test_values_that_twin_sync_had_in_memory(self) -> None:
        world = World.full()
        world.archive.frozen.clear()
        world.hot.put([reading(DEVICE, 0.001, 99.0)])
        events = list(LocalReader(world.hot, world.twin, clock=lambda: NOW).latest("thermostat"))
        outcome = world.erasure().run()
        role = TwinSync(
            twin=world.twin, graph=world.graph, reader=None, log=log("twin_sync")[0], clock=lambda: NOW
        )
        role.take(events)
        assert world.graph.nodes[DEVICE].values == {"temperature": 99.0}
        world.now = outcome.again or 0.0
        world.until_complete()
        assert world.graph.nodes[DEVICE].values == {}

    def test_files_that_change_with_each_list(self, monkeypatch: pytest.MonkeyPatch) -> None:
        world = World.full()
        monkeypatch.setattr(world.cold, "get", world.archive.get)
        with pytest.raises(Retry, match="keep changing"):
            world.erasure().run()


class Between:
    """A sink before whose first file something happens."""

    def __init__(self, sink: FileSink, before: Any) -> None:
        self._sink = sink
        self._before = before
        self.outcomes: list[Any] = []

    def store(self, file: File, *, deadline: float) -> Stored:
        if not self.outcomes:
            self.outcomes.append(self._before())
        return self._sink.store(file, deadline=deadline)

    def settle(self, *, deadline: float) -> bool:
        return self._sink.settle(deadline=deadline)


def calls() -> int:
    wire, world = Tripwire(), World.full()
    world.archive.frozen.clear()
    world.erasure(wire=wire).run()
    return wire.calls


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_any_call_and_run_again_it_ends_right(after: bool) -> None:
    total = calls()
    assert total > 40
    for number in range(1, total + 1):
        world = World.full()
        world.archive.frozen.clear()
        before = world.rows()
        others = outside(before)
        wire = Tripwire(number, after=after)

        def nothing_else_is_lost(world: World = world, others: Counter[Any] = others) -> None:
            assert others.keys() <= world.rows().keys()

        wire.watch = nothing_else_is_lost
        with pytest.raises(Killed):
            world.erasure(wire=wire).run()
        nothing_else_is_lost()
        changed = world.rows() != before
        world.now += 1
        again = world.erasure().run()
        if changed:
            assert (again.again or 0) >= NOW + SETTLE_S, "what was deleted is checked after a kill too"
        world.until_complete()
        assert world.rows() == others
        assert world.indexed(DEVICE) == {}
        assert world.graph.nodes[DEVICE].values == {}
        assert list(world.states.records) == [OTHER]


def test_killed_when_it_forgets() -> None:
    world = World.full()
    world.archive.frozen.clear()
    world.now = world.erasure().run().again or 0.0
    assert world.erasure().run().complete
    outcome = world.erasure().run()
    assert outcome.complete
    assert outcome.rows["hot aws"] == 4
