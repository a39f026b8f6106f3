"""twin_reader: twins, one twin, edges, pages, and one sentence for each wrong argument."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.graphs import GRAPH_TWIN
from support.memory import MemoryGraph, MemorySecret
from support.samples import API_KEY, log
from twin_runtime.errors import Retry
from twin_runtime.functions.twin_reader import TwinReader
from twin_runtime.functions.twin_sync import TwinSync
from twin_runtime.graph import graph
from twin_runtime.ports import Request, Response
from twin_runtime.wire.callers import Callers
from twin_runtime.wire.secret_cache import CachedSecret

AT = "2024-02-29T12:00:00.000000Z"


class Bench:
    def __init__(self) -> None:
        self.graph = MemoryGraph()
        TwinSync(twin=GRAPH_TWIN, graph=self.graph, reader=None, log=log("twin_sync")[0]).run(budget=30.0)
        self.graph.set_values("pump-1", {"flow": 2.5, "turns": 3}, AT)
        callers = Callers(CachedSecret(MemorySecret(json.dumps({"api_keys": [API_KEY]}))))
        self.role = TwinReader(twin=GRAPH_TWIN, graph=self.graph, log=log("twin_reader")[0], callers=callers)

    def answer(self, **query: Any) -> Response:
        return self.role.handle(Request("GET", {"x-api-key": API_KEY}, b"", query))

    def get(self, **query: Any) -> Any:
        response = self.answer(**query)
        assert response.status == 200, response.body
        return json.loads(response.body)


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def test_one_device(bench: Bench) -> None:
    assert bench.get(id="pump-1") == {
        "id": "pump-1",
        "type": "pump",
        "name": "pump-1",
        "properties": {},
        "values": {"flow": 2.5, "turns": 3},
        "time": AT,
    }


def test_one_thing(bench: Bench) -> None:
    assert bench.get(id="hall-1") == {
        "id": "hall-1",
        "type": "room",
        "name": "Hall 1 – nördlich",
        "properties": {"floor": -1, "area": 120.0, "heated": True, "label": 'the "big" one'},
        "values": {},
        "time": None,
    }


def test_twins_of_a_type(bench: Bench) -> None:
    document = bench.get(type="thermostat")
    assert [each["id"] for each in document["twins"]] == ["thermostat-1", "thermostat-2"]
    assert document["cursor"] is None


def test_all_twins_in_pages(bench: Bench) -> None:
    seen: list[str] = []
    query: dict[str, Any] = {"limit": "2"}
    while True:
        document = bench.get(**query)
        seen += [each["id"] for each in document["twins"]]
        if document["cursor"] is None:
            break
        query["cursor"] = document["cursor"]
    assert sorted(seen) == sorted({*GRAPH_TWIN.devices, *GRAPH_TWIN.model.entities})


def test_twins_with_many_values_make_more_pages(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "MAX_PAGE_BYTES", 2_000)
    assert len(bench.get(type="thermostat")["twins"]) == 2
    document = bench.get()  # a pump has a text
    assert len(document["twins"]) == 1
    assert document["cursor"] is not None
    assert len(bench.get(cursor=document["cursor"])["twins"]) == 1


def test_edges_out_and_in(bench: Bench) -> None:
    assert bench.get(id="hall-1", relationships="out") == {
        "id": "hall-1",
        "relationships": [
            {"from": "hall-1", "name": "contains", "to": "press-7"},
            {"from": "hall-1", "name": "contains", "to": "thermostat-2"},
        ],
        "cursor": None,
    }
    incoming = bench.get(id="hall-1", relationships="in")
    assert incoming["relationships"] == [{"from": "press-7", "name": "cools", "to": "hall-1"}]


def test_edges_in_pages(bench: Bench) -> None:
    first = bench.get(id="hall-1", relationships="out", limit="1")
    second = bench.get(id="hall-1", relationships="out", limit="1", cursor=first["cursor"])
    found = [each["to"] for page in (first, second) for each in page["relationships"]]
    assert found == ["press-7", "thermostat-2"]
    assert second["cursor"] is None


def test_a_twin_without_edges_is_not_a_missing_one(bench: Bench) -> None:
    assert bench.get(id="pump-1", relationships="out")["relationships"] == []
    assert bench.answer(id="pump-9", relationships="out").status == 404


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ({"id": "pump-9"}, 404, "The twin is not in this graph."),
        ({"id": "x" * 129}, 404, "The twin is not in this graph."),
        ({"id": "\u00e9"}, 404, "The twin is not in this graph."),
        ({"id": ""}, 404, "The twin is not in this graph."),
        ({"type": "valve"}, 404, "The type is not known to this twin."),
        ({"device": "pump-1"}, 400, "There is no such parameter"),
        ({"id": "pump-1", "type": "pump"}, 400, "The parameter id cannot be combined with type."),
        ({"id": "pump-1", "limit": "1"}, 400, "The parameter limit cannot be combined with id alone."),
        ({"relationships": "out"}, 400, "The parameter relationships needs the parameter id."),
        ({"id": "pump-1", "relationships": "both"}, 400, "The parameter relationships must be in or out."),
        ({"limit": "0"}, 400, "The parameter limit must be a whole number from 1 to 200."),
        ({"limit": "201"}, 400, "The parameter limit must be a whole number from 1 to 200."),
        ({"limit": "\u0661"}, 400, "The parameter limit must be a whole number from 1 to 200."),
        ({"cursor": "\n"}, 400, "The cursor is not one that was given for this query."),
        ({"cursor": "nonsense"}, 400, "The cursor is not one that was given for this query."),
        ({"type": ["pump", "pump"]}, 400, "The parameter type is given more than once."),
    ],
)
def test_wrong_arguments(bench: Bench, query: dict[str, Any], status: int, sentence: str) -> None:
    response = bench.answer(**query)
    assert response.status == status
    assert json.loads(response.body)["error"].startswith(sentence)


def test_only_get_with_the_key(bench: Bench) -> None:
    assert bench.role.handle(Request("POST", {"x-api-key": API_KEY})).status == 405
    assert bench.role.handle(Request("GET", {"x-api-key": "wrong"}, b"", {"id": "pump-1"})).status == 401
    assert bench.role.handle(Request("GET", {}, b"", {"id": "pump-1"})).status == 401


def test_a_graph_that_is_away_is_503(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_id: str) -> None:
        raise Retry("The graph is away.")

    monkeypatch.setattr(bench.graph, "twin", away)
    assert bench.answer(id="pump-1").status == 503
