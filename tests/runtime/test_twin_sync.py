"""twin_sync: the graph becomes what it should be, costs little when it is, and goes on after a failure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.graphs import EDGES, GRAPH_TWIN, HALL, measurement, without
from support.memory import MemoryGraph
from support.samples import log
from twin_runtime import model
from twin_runtime.errors import Refused, Retry, Throttled
from twin_runtime.functions.twin_sync import CLEARED, TwinSync
from twin_runtime.graph import graph
from twin_runtime.ports import Event, GraphTwin, Relationship

HOUR = 3600.0


class Readings:
    """A `reader_client.Reader` of events in a list."""

    def __init__(self, *events: Event) -> None:
        self.events = list(events)
        self.asked: list[str] = []

    def latest(self, type: str) -> Iterator[Event]:
        self.asked.append(type)
        newest: dict[str, Event] = {}
        for event in sorted(self.events, key=lambda each: each["time"]):
            if event["subject"] == type:
                newest[event["source"]] = event
        yield from newest.values()

    def range(self, *_args: Any, **_options: Any) -> Iterator[Event]:
        raise AssertionError("twin_sync asks for the latest alone")


class Bench:
    def __init__(self, twin: model.Twin = GRAPH_TWIN, kept: MemoryGraph | None = None) -> None:
        self.graph = kept or MemoryGraph()
        self.readings = Readings()
        self.now = 1_709_294_400.0
        """2024-03-01T12:00:00Z."""
        self.log, self.lines = log("twin_sync")
        self.role = TwinSync(
            twin=twin, graph=self.graph, reader=self.readings, log=self.log, clock=lambda: self.now
        )

    def run(self, times: int = 1, budget: float = 30.0) -> list[tuple[str, str]]:
        """What the runs wrote."""
        before = len(self.graph.calls)
        for _ in range(times):
            self.role.run(budget=budget)
        return self.graph.calls[before:]

    def whole(self) -> bool:
        wanted = graph.desired(GRAPH_TWIN)
        return set(self.graph.nodes) == set(wanted.twins) and self.graph.edges == set(EDGES)


def test_two_runs_make_the_graph_and_mark_it() -> None:
    bench = Bench()
    bench.run()
    assert bench.whole()
    assert bench.graph.nodes["hall-1"] == HALL
    assert bench.run() == [("mark", bench.graph.marked)]
    assert bench.graph.marked.startswith(graph.desired(GRAPH_TWIN).mark)


def test_nothing_is_written_or_listed_when_nothing_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    bench.run(2)
    monkeypatch.setattr(bench.graph, "digests", lambda: pytest.fail("it compared"))
    assert bench.run(3) == []
    assert bench.graph.prepared == 1


def test_each_twin_and_its_edges_are_written_once() -> None:
    bench = Bench()
    calls = bench.run()
    assert sorted(id_ for name, id_ in calls if name == "put_twin") == sorted(bench.graph.nodes)
    with_edges = {edge.source for edge in EDGES}
    assert sorted(id_ for name, id_ in calls if name == "put_relationships") == sorted(with_edges)


def test_what_others_changed_is_put_right_within_the_hour() -> None:
    bench = Bench()
    bench.run(2)
    bench.graph.delete_twin("press-7")
    bench.graph.nodes["stray"] = GraphTwin("stray", "room", "stray")
    bench.graph.kept["stray"] = ""
    assert bench.run() == []
    bench.now += HOUR
    bench.run()
    assert set(bench.graph.nodes) == set(graph.desired(GRAPH_TWIN).twins)
    assert Relationship("press-7", "has_sensor", "thermostat-1") in bench.graph.edges


def test_a_changed_model_changes_what_differs() -> None:
    bench = Bench()
    bench.run(2)
    calls = Bench(without("press-7"), bench.graph).run()
    assert ("delete_twin", "press-7") in calls
    assert {id_ for name, id_ in calls if name == "put_twin"} == {"hall-1", "thermostat-1"}
    assert bench.graph.edges == {Relationship("hall-1", "contains", "thermostat-2")}
    assert bench.graph.prepared == 2


@pytest.mark.parametrize("error", [Retry("Not now."), Refused("Never."), ValueError("a payload")])
@pytest.mark.parametrize("operation", ["put_twin", "put_relationships"])
def test_a_failure_stops_nothing_else_and_is_made_good(operation: str, error: Exception) -> None:
    bench = Bench()
    bench.graph.faults[operation, "press-7"] = error
    bench.run()
    assert not bench.whole()
    assert {"hall-1", "pump-1", "thermostat-1"} <= set(bench.graph.nodes)
    assert not bench.graph.marked
    assert "payload" not in str(bench.lines)
    bench.run()
    assert bench.whole()
    assert bench.run() == [("mark", bench.graph.marked)]


def test_a_failed_deletion_is_made_good() -> None:
    bench = Bench()
    bench.run(2)
    smaller = Bench(without("press-7"), bench.graph)
    bench.graph.faults["delete_twin", "press-7"] = Retry("Not now.")
    smaller.run()
    assert "press-7" in bench.graph.nodes
    smaller.run()
    assert "press-7" not in bench.graph.nodes


def test_throttling_ends_the_run_s_writing() -> None:
    bench = Bench()
    for id_ in graph.desired(GRAPH_TWIN).twins:
        bench.graph.faults["put_twin", id_] = Throttled("Too much.")
    assert [name for name, _ in bench.run()] == ["prepare"]
    bench.graph.faults.clear()
    bench.run()
    assert bench.whole()


def test_no_time_is_no_work_and_no_mark() -> None:
    bench = Bench()
    assert bench.run(budget=0.0) == [("prepare", "")]
    assert not bench.graph.marked


def test_an_unreachable_graph_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()

    def away() -> str:
        raise Retry("The graph is away.")

    monkeypatch.setattr(bench.graph, "mark", away)
    with pytest.raises(Retry):
        bench.run()


def test_values_are_the_latest_of_each_device() -> None:
    bench = Bench()
    bench.readings.events = [
        measurement("thermostat-1", "2024-02-29T12:00:00.000000Z", {"temperature": 1}),
        measurement("thermostat-1", "2024-02-29T13:00:00.000000Z", {"temperature": 2, "other": "x"}),
        measurement("pump-1", "2024-02-29T12:00:00.000000Z", {"flow": 5, "turns": 7, "mode": ""}),
    ]
    bench.run()
    assert bench.graph.nodes["thermostat-1"].values == {"temperature": 2.0}
    assert bench.graph.nodes["thermostat-1"].time == "2024-02-29T13:00:00.000000Z"
    assert bench.graph.nodes["pump-1"].values == {"flow": 5.0, "turns": 7}
    assert bench.graph.nodes["thermostat-2"].time is None


def test_only_newer_values_are_set() -> None:
    bench = Bench()
    bench.readings.events = [measurement("pump-1", "2024-02-29T12:00:00.000000Z", {"flow": 5})]
    bench.run(2)
    assert bench.run() == []
    bench.readings.events = [measurement("pump-1", "2024-02-29T11:00:00.000000Z", {"flow": 4})]
    assert bench.run() == []
    restarted = Bench(kept=bench.graph)
    restarted.readings.events = [measurement("pump-1", "2024-02-29T11:30:00.000000Z", {"flow": 4})]
    assert restarted.run() == []
    restarted.readings.events.append(measurement("pump-1", "2024-02-29T12:30:00.000000Z", {"turns": 6}))
    assert restarted.run() == [("set_values", "pump-1")]
    assert bench.graph.nodes["pump-1"].values == {"flow": 5.0, "turns": 6}


def test_values_wait_for_their_twin() -> None:
    bench = Bench()
    bench.graph.faults["put_twin", "pump-1"] = Retry("Not now.")
    bench.readings.events = [measurement("pump-1", "2024-02-29T12:00:00.000000Z", {"flow": 5})]
    bench.run()
    bench.run()
    assert bench.graph.nodes["pump-1"].values == {"flow": 5.0}


def test_a_value_that_failed_is_set_by_the_next_run() -> None:
    bench = Bench()
    bench.readings.events = [measurement("pump-1", "2024-02-29T12:00:00.000000Z", {"flow": 5})]
    bench.graph.faults["set_values", "pump-1"] = Retry("Not now.")
    bench.run()
    assert bench.graph.nodes["pump-1"].time is None
    bench.run()
    assert bench.graph.nodes["pump-1"].values == {"flow": 5.0}


def test_partitions_share_the_devices() -> None:
    bench = Bench()
    bench.run(2)
    at = "2024-02-29T12:00:00.000000Z"
    devices = sorted(GRAPH_TWIN.devices)
    bench.readings.events = [measurement(device, at, {"flow": 1, "temperature": 1}) for device in devices]
    seen: list[str] = []
    for partition in range(3):
        before = len(bench.graph.calls)
        bench.role.run(partition, 3, budget=30.0)
        seen += [id_ for name, id_ in bench.graph.calls[before:] if name == "set_values"]
    assert sorted(seen) == devices


def test_delivered_events_set_values_at_once() -> None:
    bench = Bench()
    bench.run(2)
    new = measurement("pump-1", "2024-02-29T12:00:00.000000Z", {"flow": 5})
    old = measurement("pump-1", "2024-02-29T11:00:00.000000Z", {"flow": 4})
    fresh = Bench(kept=bench.graph)
    fresh.role.take([old, new, old])
    fresh.role.take([old])
    assert bench.graph.nodes["pump-1"].values == {"flow": 5.0}
    assert [name for name, _ in bench.graph.calls].count("set_values") == 1


def test_values_far_ahead_of_the_clock_are_not_set_and_do_not_stay() -> None:
    """As an earlier release stored them, and set them in the graph."""
    bench = Bench()
    bench.run(2)
    bench.role.take([measurement("pump-1", "9999-12-31T00:00:00.000000Z", {"flow": 9})])
    assert bench.graph.nodes["pump-1"].time is None
    bench.graph.set_values("pump-1", {"flow": 9.0}, "9999-12-31T00:00:00.000000Z")
    now = measurement("pump-1", "2024-03-01T12:00:00.000000Z", {"flow": 5})
    by_feed, by_run = Bench(kept=bench.graph), Bench(kept=bench.graph)
    by_feed.role.take([now])
    assert bench.graph.nodes["pump-1"].values == {"flow": 5.0}
    bench.graph.set_values("pump-1", {"flow": 9.0}, "9999-12-31T00:00:00.000000Z")
    by_run.readings.events = [now]
    by_run.run()
    assert bench.graph.nodes["pump-1"].values == {"flow": 5.0}
    assert bench.graph.nodes["pump-1"].time == now["time"]


def test_a_delivered_event_of_a_twin_that_is_not_there_is_left_to_a_run() -> None:
    bench = Bench()
    bench.role.take([measurement("pump-1", "2024-02-29T12:00:00.000000Z", {"flow": 5})])
    assert bench.graph.calls == []


def test_a_delivered_event_that_cannot_be_set_comes_again() -> None:
    bench = Bench()
    bench.run(2)
    bench.graph.faults["set_values", "pump-1"] = Retry("Not now.")
    event = measurement("pump-1", "2024-02-29T12:00:00.000000Z", {"flow": 5})
    with pytest.raises(Retry):
        bench.role.take([event])
    bench.role.take([event])
    assert bench.graph.nodes["pump-1"].values == {"flow": 5.0}


def test_without_a_reader_it_keeps_twins_alone() -> None:
    kept = MemoryGraph()
    role = TwinSync(twin=GRAPH_TWIN, graph=kept, reader=None, log=log("twin_sync")[0])
    role.run(budget=30.0)
    assert set(kept.nodes) == set(graph.desired(GRAPH_TWIN).twins)
    assert "set_values" not in {name for name, _ in kept.calls}


def test_a_cleared_graph_stays_empty_for_an_hour() -> None:
    bench = Bench()
    bench.run(2)
    assert bench.role.clear(budget=30.0) == 0
    assert not bench.graph.nodes
    assert bench.graph.marked.startswith(CLEARED)
    bench.now += HOUR - 1
    assert bench.run() == []
    bench.now += 1
    bench.run()
    assert bench.whole()


def test_clearing_goes_on_where_it_ended() -> None:
    bench = Bench()
    bench.run(2)
    bench.graph.faults["delete_twin", "hall-1"] = Retry("Not now.")
    assert bench.role.clear(budget=30.0) == 1
    assert bench.role.clear(budget=30.0) == 0
