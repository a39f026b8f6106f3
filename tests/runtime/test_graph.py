"""The desired graph, its digests, and which measurements go into it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from support.graphs import EDGES, GRAPH_DOCUMENT, GRAPH_TWIN, HALL
from twin_runtime import jsontext, model
from twin_runtime.errors import ConfigurationError
from twin_runtime.graph import graph
from twin_runtime.ports import GraphTwin
from twin_runtime.values import LONGEST_TEXT


def changed(**fields: Any) -> graph.Desired:
    return graph.desired(model.parse({**GRAPH_DOCUMENT, "model": {**GRAPH_DOCUMENT["model"], **fields}}))


def test_devices_and_things_are_its_twins() -> None:
    wanted = graph.desired(GRAPH_TWIN)
    assert set(wanted.twins) == {*GRAPH_TWIN.devices, "hall-1", "press-7"}
    assert wanted.twins["hall-1"] == HALL
    assert isinstance(wanted.twins["hall-1"].properties["area"], float)
    assert wanted.twins["pump-1"] == GraphTwin("pump-1", "pump", "pump-1")
    assert {edge for edges in wanted.edges.values() for edge in edges} == set(EDGES)


def test_a_twin_without_a_model_has_its_devices() -> None:
    wanted = graph.desired(model.parse({**GRAPH_DOCUMENT, "model": {}}))
    assert set(wanted.twins) == set(GRAPH_TWIN.devices)


def test_digests_do_not_depend_on_the_order_of_the_file() -> None:
    document = copy.deepcopy(GRAPH_DOCUMENT)
    document["model"]["relationships"].reverse()
    document["devices"] = dict(reversed(document["devices"].items()))
    assert graph.desired(model.parse(document)).mark == graph.desired(GRAPH_TWIN).mark


def test_a_change_shows_in_the_digest_of_its_twin_alone() -> None:
    before = graph.desired(GRAPH_TWIN)
    edges = [edge for edge in GRAPH_DOCUMENT["model"]["relationships"] if edge[1] != "cools"]
    after = changed(relationships=edges)
    assert {id_ for id_ in before.digests if before.digests[id_] != after.digests[id_]} == {"press-7"}
    assert before.mark != after.mark


def test_a_new_property_of_a_type_shows_in_the_mark() -> None:
    types = {**GRAPH_DOCUMENT["model"]["types"], "machine": {"properties": {"maker": {"type": "string"}}}}
    assert changed(types=types).mark != graph.desired(GRAPH_TWIN).mark


def test_a_page_is_bounded_by_the_longest_twin_that_there_can_be() -> None:
    metrics = {f"m{number:03}": {"type": "string"} for number in range(100)}
    types = {
        **GRAPH_DOCUMENT["device_types"],
        "meter": {"telemetry": metrics, "commands": {}, "processor": None},
    }
    twin = model.parse({**GRAPH_DOCUMENT, "device_types": types})
    assert graph.page_limit(twin, "thermostat", 200) == 200
    assert graph.page_limit(twin, "meter", 200) == graph.page_limit(twin, None, 200) == 12
    longest = dict.fromkeys(metrics, "\x01" * LONGEST_TEXT)
    node = GraphTwin("i" * 128, "meter", "n" * 128, {}, longest, "2024-02-29T12:00:00.000000Z")
    assert 12 * len(jsontext.dumps(node._asdict())) <= graph.MAX_PAGE_BYTES


def test_only_what_the_graph_can_keep_is_measured() -> None:
    telemetry = GRAPH_TWIN.device_types["pump"].telemetry
    data = {"flow": 3, "turns": 2**63 - 1, "open": True, "mode": "on", "other": 1}
    found = graph.measured(data, telemetry)
    assert found == {"flow": 3.0, "turns": 2**63 - 1, "open": True, "mode": "on"}
    assert isinstance(found["flow"], float)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("flow", True),
        ("flow", "3"),
        ("flow", 10**400),
        ("flow", None),
        ("turns", 2**63),
        ("turns", 1.5),
        ("turns", True),
        ("open", 1),
        ("mode", ""),
        ("mode", "x" * 257),
        ("mode", {"a": 1}),
    ],
)
def test_what_is_of_another_type_is_left_out(name: str, value: Any) -> None:
    assert graph.measured({name: value}, GRAPH_TWIN.device_types["pump"].telemetry) == {}


def test_data_that_is_no_object_has_no_measurements() -> None:
    assert graph.measured([1], GRAPH_TWIN.device_types["pump"].telemetry) == {}


@pytest.mark.parametrize(
    "section",
    [
        [],
        {"types": []},
        {"types": {"room": {}}},
        {"entities": {"hall-1": {"type": "room"}}},
        {"entities": {"hall-1": {"type": "room", "name": "x", "properties": {}}}},
        {"relationships": [["a", "b"]]},
    ],
)
def test_a_model_of_another_shape_is_refused(section: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"twin\.json"):
        model.parse({**GRAPH_DOCUMENT, "model": section or [1]})
