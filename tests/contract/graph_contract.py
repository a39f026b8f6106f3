"""What each cloud's twin graph must do, and what its twin_reader answers, as a test class to inherit from.

class TestTwinMaker(GraphContract):
    @pytest.fixture
    def graph(self): return TwinMakerGraph(…)    # empty, of GRAPH_TWIN
    def tell(self, graph, device, values, time): …    # where nobody sets values
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from support.graphs import EDGES, GRAPH_TWIN, HALL, measurement, without
from support.memory import MemorySecret
from support.samples import API_KEY, log
from twin_runtime.errors import Refused
from twin_runtime.functions.twin_reader import TwinReader
from twin_runtime.functions.twin_sync import TwinSync
from twin_runtime.graph import graph as desired_graph
from twin_runtime.model import Twin
from twin_runtime.ports import Event, GraphTwin, GraphWriter, Relationship, Request
from twin_runtime.wire.callers import Callers
from twin_runtime.wire.secret_cache import CachedSecret

AT = "2024-02-29T12:00:00.000000Z"
LATER = "2024-02-29T13:00:00.000000Z"
PATIENCE_S = 10.0
"""How long a platform may take until what was written shows."""


class GraphContract:
    """Of `ports.GraphWriter`, and of twin_sync and twin_reader on it."""

    sets_values = True
    """False where the platform asks for the values."""
    large = 2**53 + 1
    """An integer that a 64-bit float does not hold."""

    @pytest.fixture
    def graph(self) -> Iterator[GraphWriter]:
        """An empty graph of `GRAPH_TWIN`."""
        raise NotImplementedError

    def tell(self, graph: Any, device: str, values: Mapping[str, Any], time: str) -> None:
        """Have the graph know measurements of a device."""
        graph.set_values(device, values, time)

    @pytest.fixture
    def kept(self, graph: GraphWriter) -> GraphWriter:
        """The graph, as twin_sync makes it."""
        self.sync(graph, GRAPH_TWIN)
        return graph

    def sync(self, graph: GraphWriter, twin: Twin, *events: Event) -> None:
        role = TwinSync(
            twin=twin,
            graph=graph,
            reader=_Readings(events) if self.sets_values else None,
            log=log("twin_sync")[0],
        )
        wanted = desired_graph.desired(twin).mark

        def done() -> bool:
            role.run(budget=30.0)
            return graph.mark().startswith(wanted)

        _until(done)

    def read(self, graph: GraphWriter, **query: Any) -> Any:
        """What twin_reader answers."""
        callers = Callers(CachedSecret(MemorySecret(json.dumps({"api_keys": [API_KEY]}))))
        role = TwinReader(twin=GRAPH_TWIN, graph=graph, log=log("twin_reader")[0], callers=callers)
        response = role.handle(Request("GET", {"x-api-key": API_KEY}, b"", query))
        assert response.status == query.pop("status", 200), response.body
        return json.loads(response.body)

    def test_twin_sync_makes_the_graph(self, kept: GraphWriter) -> None:
        wanted = desired_graph.desired(GRAPH_TWIN)
        assert dict(kept.digests()) == wanted.digests
        assert _all(kept) == wanted.twins

    def test_one_thing_and_one_device(self, kept: GraphWriter) -> None:
        assert kept.twin("hall-1") == HALL
        assert kept.twin("pump-1") == GraphTwin("pump-1", "pump", "pump-1")

    @pytest.mark.parametrize("id_", ["press-8", "x", "-", "a:b.c"])
    def test_a_twin_that_is_not_there(self, kept: GraphWriter, id_: str) -> None:
        assert kept.twin(id_) is None
        for incoming in (True, False):
            assert kept.relationships(id_, incoming=incoming, cursor=None, limit=10) == ([], None)

    def test_edges_out_and_in(self, kept: GraphWriter) -> None:
        for id_ in (*GRAPH_TWIN.devices, *GRAPH_TWIN.model.entities):
            out = {edge for edge in EDGES if edge.source == id_}
            into = {edge for edge in EDGES if edge.target == id_}
            assert _edges(kept, id_, incoming=False) == out
            _until(lambda id_=id_, into=into: _edges(kept, id_, incoming=True) == into)

    def test_edges_in_pages(self, kept: GraphWriter) -> None:
        found: list[Relationship] = []
        cursor: str | None = None
        while True:
            page, cursor = kept.relationships("hall-1", incoming=False, cursor=cursor, limit=1)
            assert len(page) <= 1
            found += page
            if cursor is None:
                break
        assert sorted(edge.target for edge in found) == ["press-7", "thermostat-2"]

    def test_many_edges_of_one_name(self, kept: GraphWriter) -> None:
        """More than a platform keeps in one value or answers at a time."""
        for number in range(130):
            kept.put_twin(GraphTwin(f"press-{number}", "machine", f"press-{number}"), digest="d")
        edges = [Relationship("hall-1", "contains", f"press-{number}") for number in range(130)]
        _until(lambda: all(kept.twin(edge.target) is not None for edge in edges[-3:]))
        kept.put_relationships("hall-1", edges, digest="d")
        _until(lambda: _edges(kept, "hall-1", incoming=False) == set(edges))
        kept.put_relationships("hall-1", edges[:3], digest="e")
        _until(lambda: _edges(kept, "hall-1", incoming=False) == set(edges[:3]))

    def test_twins_in_pages(self, kept: GraphWriter) -> None:
        assert set(_all(kept, limit=1)) == {*GRAPH_TWIN.devices, *GRAPH_TWIN.model.entities}

    @pytest.mark.parametrize(
        ("type_", "ids"),
        [
            ("thermostat", ["thermostat-1", "thermostat-2"]),
            ("pump", ["pump-1"]),
            ("room", ["hall-1"]),
            ("machine", ["press-7"]),
        ],
    )
    def test_twins_of_a_type(self, kept: GraphWriter, type_: str, ids: list[str]) -> None:
        assert sorted(_all(kept, type=type_)) == ids

    @pytest.mark.parametrize("cursor", ["nonsense", "%", "0x"])
    def test_a_wrong_cursor_is_refused(self, kept: GraphWriter, cursor: str) -> None:
        with pytest.raises(Refused):
            kept.twins(type=None, cursor=cursor, limit=10)
        with pytest.raises(Refused):
            kept.relationships("hall-1", incoming=False, cursor=cursor, limit=10)

    def test_values(self, kept: GraphWriter) -> None:
        values = {"flow": 2.5, "turns": self.large, "open": False, "mode": "é 'x' \"y\""}
        self.tell(kept, "pump-1", values, AT)
        found = kept.twin("pump-1")
        assert found is not None
        assert (found.values, found.time) == (values, AT)
        assert {name: type(value) for name, value in found.values.items()} == {
            "flow": float,
            "turns": int,
            "open": bool,
            "mode": str,
        }

    def test_later_values_leave_the_others(self, kept: GraphWriter) -> None:
        self.tell(kept, "pump-1", {"flow": 2.5, "turns": 3}, AT)
        self.tell(kept, "pump-1", {"flow": 3.5}, LATER)
        found = kept.twin("pump-1")
        assert found is not None
        assert (found.values, found.time) == ({"flow": 3.5, "turns": 3}, LATER)

    def test_values_that_are_replaced(self, kept: GraphWriter) -> None:
        if not self.sets_values:
            pytest.skip("This platform asks for the values.")
        kept.set_values("pump-1", {"flow": 2.5, "turns": 3}, LATER)
        for _ in range(2):
            kept.replace_values("pump-1", {"turns": 2}, AT)
            found = kept.twin("pump-1")
            assert found == GraphTwin("pump-1", "pump", "pump-1", {}, {"turns": 2}, AT)
        for _ in range(2):
            kept.replace_values("pump-1", {}, None)
            assert kept.twin("pump-1") == GraphTwin("pump-1", "pump", "pump-1")
        kept.set_values("pump-1", {"mode": "a"}, AT)
        found = kept.twin("pump-1")
        assert found is not None
        assert (found.values, found.time) == ({"mode": "a"}, AT)
        assert kept.twin("hall-1") == HALL

    def test_values_of_a_twin_that_is_not_there_are_not_replaced(self, kept: GraphWriter) -> None:
        kept.replace_values("press-8", {}, None)
        assert kept.twin("press-8") is None

    def test_a_replaced_twin_keeps_its_values_and_edges(self, kept: GraphWriter) -> None:
        self.tell(kept, "thermostat-1", {"temperature": 21.5}, AT)
        kept.put_twin(GraphTwin("thermostat-1", "thermostat", "Renamed"), digest="other")
        found = kept.twin("thermostat-1")
        assert found is not None
        assert (found.name, found.values) == ("Renamed", {"temperature": 21.5})
        assert _edges(kept, "thermostat-1", incoming=False) == {
            Relationship("thermostat-1", "measures", "press-7")
        }
        _until(lambda: dict(kept.digests())["thermostat-1"] == "other")

    def test_a_property_that_is_taken_out_is_gone(self, kept: GraphWriter) -> None:
        kept.put_twin(GraphTwin("hall-1", "room", "Hall", {"floor": 2}), digest="d")
        assert kept.twin("hall-1") == GraphTwin("hall-1", "room", "Hall", {"floor": 2})

    def test_a_twin_of_another_type(self, kept: GraphWriter) -> None:
        kept.put_twin(GraphTwin("press-7", "room", "Room", {"area": 1.5}), digest="d")
        assert kept.twin("press-7") == GraphTwin("press-7", "room", "Room", {"area": 1.5})
        assert "press-7" not in _all(kept, type="machine")

    def test_doing_it_again_changes_nothing(self, kept: GraphWriter) -> None:
        wanted = desired_graph.desired(GRAPH_TWIN)
        for id_, twin in wanted.twins.items():
            kept.put_twin(twin, digest=wanted.digests[id_])
            kept.put_relationships(id_, wanted.edges[id_], digest=wanted.digests[id_])
        kept.prepare(GRAPH_TWIN)
        assert dict(kept.digests()) == wanted.digests
        assert _all(kept) == wanted.twins
        assert {edge for id_ in wanted.twins for edge in _edges(kept, id_, incoming=False)} == set(EDGES)

    def test_a_smaller_model(self, kept: GraphWriter) -> None:
        self.sync(kept, without("press-7", "thermostat-1"))
        _until(lambda: sorted(_all(kept)) == ["hall-1", "pump-1", "thermostat-2"])
        assert _edges(kept, "hall-1", incoming=False) == {Relationship("hall-1", "contains", "thermostat-2")}
        _until(lambda: not _edges(kept, "hall-1", incoming=True))
        assert kept.twin("press-7") is None

    def test_deleting_what_is_not_there(self, kept: GraphWriter) -> None:
        kept.delete_twin("press-8")

    def test_the_mark(self, graph: GraphWriter) -> None:
        assert graph.mark() == ""
        graph.set_mark("0123456789abcdef:42")
        assert graph.mark() == "0123456789abcdef:42"
        graph.set_mark("")
        assert graph.mark() == ""

    def test_clearing(self, kept: GraphWriter) -> None:
        role = TwinSync(twin=GRAPH_TWIN, graph=kept, reader=None, log=log("twin_sync")[0])
        _until(lambda: role.clear(budget=30.0) == 0)
        _until(lambda: not _all(kept) and not dict(kept.digests()))

    def test_twin_reader_of_one_twin(self, kept: GraphWriter) -> None:
        self.tell(kept, "pump-1", {"flow": 2.5, "turns": 3}, AT)
        assert self.read(kept, id="pump-1") == {
            "id": "pump-1",
            "type": "pump",
            "name": "pump-1",
            "properties": {},
            "values": {"flow": 2.5, "turns": 3},
            "time": AT,
        }
        assert self.read(kept, id="hall-1") == {
            "id": "hall-1",
            "type": "room",
            "name": HALL.name,
            "properties": dict(HALL.properties),
            "values": {},
            "time": None,
        }

    def test_twin_reader_of_many(self, kept: GraphWriter) -> None:
        self.tell(kept, "thermostat-2", {"temperature": 1.5}, AT)
        found: dict[str, Any] = {}
        query: dict[str, Any] = {"type": "thermostat", "limit": "1"}
        while True:
            document = self.read(kept, **query)
            found.update((twin["id"], twin["values"]) for twin in document["twins"])
            if document["cursor"] is None:
                break
            query["cursor"] = document["cursor"]
        assert found == {"thermostat-1": {}, "thermostat-2": {"temperature": 1.5}}

    def test_twin_reader_of_edges(self, kept: GraphWriter) -> None:
        out = self.read(kept, id="press-7", relationships="out")
        assert out["cursor"] is None
        assert sorted(out["relationships"], key=str) == sorted(
            (
                {"from": "press-7", "name": "cools", "to": "hall-1"},
                {"from": "press-7", "name": "has_sensor", "to": "thermostat-1"},
            ),
            key=str,
        )
        wanted = [{"from": "press-7", "name": "cools", "to": "hall-1"}]
        _until(
            lambda: (
                self.read(kept, id="hall-1", relationships="in")
                == {"id": "hall-1", "relationships": wanted, "cursor": None}
            )
        )

    def test_twin_sync_sets_what_was_measured(self, graph: GraphWriter) -> None:
        if not self.sets_values:
            pytest.skip("This platform asks for the values.")
        old = measurement("pump-1", AT, {"flow": 1, "mode": "a"}, "e1")
        new = measurement("pump-1", LATER, {"flow": 2, "other": 3}, "e2")
        self.sync(graph, GRAPH_TWIN, old)
        found = graph.twin("pump-1")
        assert found is not None
        assert (found.values, found.time) == ({"flow": 1.0, "mode": "a"}, AT)
        self.sync(graph, GRAPH_TWIN, old, new)
        found = graph.twin("pump-1")
        assert found is not None
        assert (found.values, found.time) == ({"flow": 2.0, "mode": "a"}, LATER)


class _Readings:
    """A `reader_client.Reader` that has the latest events alone."""

    def __init__(self, events: tuple[Event, ...]) -> None:
        self._events = events

    def latest(self, type: str) -> Iterator[Event]:
        newest = {each["source"]: each for each in sorted(self._events, key=lambda each: each["time"])}
        yield from (each for each in newest.values() if each["subject"] == type)

    def range(self, *_args: Any, **_options: Any) -> Iterator[Event]:
        raise AssertionError("twin_sync asks for the latest alone")


def _all(graph: GraphWriter, *, type: str | None = None, limit: int = 50) -> dict[str, GraphTwin]:
    """The twins of all pages, each of which came once."""
    found: dict[str, GraphTwin] = {}
    cursor: str | None = None
    while True:
        page, cursor = graph.twins(type=type, cursor=cursor, limit=limit)
        assert len(page) <= limit
        assert not {each.id for each in page} & found.keys()
        found.update((each.id, each) for each in page)
        if cursor is None:
            return found


def _edges(graph: GraphWriter, id_: str, *, incoming: bool) -> set[Relationship]:
    found: list[Relationship] = []
    cursor: str | None = None
    while True:
        page, cursor = graph.relationships(id_, incoming=incoming, cursor=cursor, limit=40)
        found += page
        if cursor is None:
            break
    assert len(set(found)) == len(found)
    return set(found)


def _until(condition: Callable[[], bool]) -> None:
    """Platforms show what was written some time later."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
