"""twin_connector: requests and responses as TwinMaker documents them, pages, filters, and what is refused.

Responses are held against botocore's model of GetPropertyValueHistory, which the documentation names as their
shape.
"""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from support.graphs import GRAPH_TWIN, measurement
from support.memory import MemoryStore
from support.samples import log
from twin_runtime import times
from twin_runtime.errors import Retry
from twin_runtime.functions import twin_connector
from twin_runtime.functions.twin_connector import DEVICE, BadRequest, TwinConnector
from twin_runtime.storage import reader_client, rows
from twin_runtime.storage.reader_client import LocalReader

BASE, NOW = 1_709_208_000, 1_709_300_000.0
_MODEL: Any = botocore.session.get_session().get_service_model("iottwinmaker")
OUTPUT = _MODEL.operation_model("GetPropertyValueHistory").output_shape
INPUT = _MODEL.operation_model("GetPropertyValueHistory").input_shape


def at(second: int) -> str:
    return times.from_epoch(BASE + second)


class Bench:
    def __init__(self) -> None:
        self.store = MemoryStore()
        reader = LocalReader(self.store, GRAPH_TWIN, clock=lambda: NOW)
        self.role = TwinConnector(twin=GRAPH_TWIN, reader=reader, log=log("twin_connector")[0])

    def measure(self, device: str, second: int, id_: str = "e", **values: Any) -> None:
        event = measurement(device, at(second), values, id_)
        self.store.put([rows.from_event(event, GRAPH_TWIN, NOW)])

    def ask(self, **fields: Any) -> dict[str, Any]:
        """A response to a DataReader request for an entity, whose shape is right."""
        request = {
            "workspaceId": "factory-graph",
            "entityId": "pump-1",
            "componentName": "pump",
            "componentTypeId": "factory.pump",
            "selectedProperties": ["flow"],
            "startTime": at(0),
            "endTime": at(1_000),
            "orderByTime": "ASCENDING",
            "maxResults": 100,
            **fields,
        }
        request = {name: value for name, value in request.items() if value is not None}
        known = {name: value for name, value in request.items() if name in INPUT.members}
        assert not ParamValidator().validate(known, INPUT).has_errors()
        response = self.role.handle(request)
        report = ParamValidator().validate(response, OUTPUT)
        assert not report.has_errors(), report.generate_report()
        return response

    def values(self, **fields: Any) -> list[tuple[str, Any]]:
        """Time and value of the one property in the response."""
        found = self.ask(**fields)["propertyValues"]
        assert len(found) <= 1
        return [
            (entry["time"], next(iter(entry["value"].values()))) for each in found for entry in each["values"]
        ]

    def pages(self, **fields: Any) -> list[tuple[str, str, Any]]:
        """Property, time and value over all pages, in the order of the pages."""
        found: list[tuple[str, str, Any]] = []
        token: str | None = None
        while True:
            response = self.ask(**fields, nextToken=token)
            page = [
                (each["entityPropertyReference"]["propertyName"], entry["time"], entry["value"])
                for each in response["propertyValues"]
                for entry in each["values"]
            ]
            assert len(page) <= fields.get("maxResults", 100)
            found += page
            token = response.get("nextToken")
            if token is None:
                return found


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_response_is_as_the_documentation_shows_it(bench: Bench) -> None:
    bench.measure("pump-1", 1, flow=2, turns=3, open=True, mode="a")
    names = ["flow", "turns", "open", "mode"]
    reference = {"entityId": "pump-1", "componentName": "pump"}
    time = at(1)
    assert bench.ask(selectedProperties=names) == {
        "propertyValues": [
            {
                "entityPropertyReference": {**reference, "propertyName": name},
                "values": [{"time": time, "value": value}],
            }
            for name, value in (
                ("flow", {"doubleValue": 2.0}),
                ("turns", {"longValue": 3}),
                ("open", {"booleanValue": True}),
                ("mode", {"stringValue": "a"}),
            )
        ]
    }


def test_nothing_measured_is_an_empty_response(bench: Bench) -> None:
    assert bench.ask() == {"propertyValues": []}


def test_order(bench: Bench) -> None:
    for second in (3, 1, 2):
        bench.measure("pump-1", second, flow=second)
    assert [value for _, value in bench.values()] == [1.0, 2.0, 3.0]
    assert [value for _, value in bench.values(orderByTime="DESCENDING")] == [3.0, 2.0, 1.0]


def test_both_ends_of_the_time_range_are_in_it(bench: Bench) -> None:
    for second in range(5):
        bench.measure("pump-1", second, flow=second)
    assert [value for _, value in bench.values(startTime=at(1), endTime=at(3))] == [1.0, 2.0, 3.0]
    assert [value for _, value in bench.values(startTime="2024-02-29T12:00:01Z", endTime=at(1))] == [1.0]


def test_the_older_fields_for_times(bench: Bench) -> None:
    for second in range(5):
        bench.measure("pump-1", second, flow=second)
    older = {"startDateTime": BASE + 1, "endDateTime": BASE + 2, "startTime": None, "endTime": None}
    assert [value for _, value in bench.values(**older)] == [1.0, 2.0]


def test_what_the_graph_cannot_keep_is_left_out(bench: Bench) -> None:
    bench.measure("pump-1", 1, flow="x", turns=2**63, mode="y" * 257, open=1)
    bench.measure("pump-1", 2, flow=1)
    names = ["flow", "turns", "mode", "open", "unknown"]
    assert bench.pages(selectedProperties=names) == [("flow", at(2), {"doubleValue": 1.0})]


@pytest.mark.parametrize("order", ["ASCENDING", "DESCENDING"])
@pytest.mark.parametrize("most", [1, 2, 3, 7])
def test_pages_give_every_value_once(bench: Bench, order: str, most: int) -> None:
    """Also where several events have the same time, and events lack properties."""
    for second in (1, 1, 1, 2, 3, 3):
        number = len(bench.store.rows)
        values = {"flow": float(number)} if number != 2 else {"mode": "a"}
        bench.measure("pump-1", second, f"e{number}", turns=number, **values)
    names = ["flow", "turns"]
    whole = bench.pages(selectedProperties=names, orderByTime=order)
    assert len(whole) == 11
    paged = bench.pages(selectedProperties=names, orderByTime=order, maxResults=most)
    assert sorted(paged, key=str) == sorted(whole, key=str)
    for name in names:
        seen = [time for found, time, _ in paged if found == name]
        assert seen == sorted(seen, reverse=order == "DESCENDING")


def test_the_newest_of_each_in_one_request(bench: Bench) -> None:
    for second in range(10):
        bench.measure("pump-1", second, flow=second, turns=second)
    found = bench.ask(selectedProperties=["flow", "turns"], orderByTime="DESCENDING", maxResults=2)
    assert [each["values"] for each in found["propertyValues"]] == [
        [{"time": at(9), "value": {"doubleValue": 9.0}}],
        [{"time": at(9), "value": {"longValue": 9}}],
    ]
    assert "nextToken" in found


def test_without_a_number_there_are_25(bench: Bench) -> None:
    for second in range(30):
        bench.measure("pump-1", second, flow=second)
    assert len(bench.values(maxResults=None)) == 25


@pytest.mark.parametrize(
    ("name", "sign", "value", "expected"),
    [
        ("flow", "=", {"doubleValue": 2}, [2.0]),
        ("flow", "!=", {"doubleValue": 2}, [0.0, 1.0, 3.0]),
        ("flow", "<", {"doubleValue": 2}, [0.0, 1.0]),
        ("flow", ">=", {"integerValue": 2}, [2.0, 3.0]),
        ("mode", "=", {"stringValue": "odd"}, [1.0, 3.0]),
        ("mode", "=", {"doubleValue": 1}, []),
        ("mode", "!=", {"doubleValue": 1}, [0.0, 1.0, 2.0, 3.0]),
        (DEVICE, "=", {"stringValue": "pump-1"}, [0.0, 1.0, 2.0, 3.0]),
        (DEVICE, "=", {"stringValue": "pump-2"}, []),
    ],
)
def test_filters(bench: Bench, name: str, sign: str, value: dict[str, Any], expected: list[float]) -> None:
    for second in range(4):
        bench.measure("pump-1", second, flow=second, mode="odd" if second % 2 else "even")
    filters = [{"propertyName": name, "operator": sign, "value": value}]
    assert [found for _, found in bench.values(propertyFilters=filters)] == expected


def test_a_filter_that_lets_nothing_pass_ends(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request looks at a bounded number of events, and says where to go on."""
    monkeypatch.setattr(twin_connector, "MAX_SCANNED", 60)
    monkeypatch.setattr(reader_client, "_CHUNK", 20)
    for number in range(100):
        bench.measure("pump-1", 1 + number // 35, f"e{number:03}", flow=1)
    bench.measure("pump-1", 999, flow=2)
    filters = [{"propertyName": "flow", "operator": "=", "value": {"doubleValue": 2}}]
    first = bench.ask(propertyFilters=filters)
    assert first["propertyValues"] == []
    assert "nextToken" in first
    assert len(bench.pages(propertyFilters=filters)) == 1


def test_all_devices_of_a_component_type(bench: Bench) -> None:
    for device, second in (("thermostat-1", 1), ("thermostat-2", 2), ("thermostat-1", 3)):
        bench.measure(device, second, temperature=second)
    bench.measure("pump-1", 1, flow=1)
    fields = {
        "entityId": None,
        "componentName": None,
        "componentTypeId": "factory.thermostat",
        "selectedProperties": ["temperature"],
    }
    found = bench.ask(**fields)
    assert [
        (each["entityPropertyReference"], [entry["time"] for entry in each["values"]])
        for each in found["propertyValues"]
    ] == [
        ({"externalIdProperty": {DEVICE: "thermostat-1"}, "propertyName": "temperature"}, [at(1), at(3)]),
        ({"externalIdProperty": {DEVICE: "thermostat-2"}, "propertyName": "temperature"}, [at(2)]),
    ]
    assert sorted(bench.pages(**fields, maxResults=1), key=str) == sorted(bench.pages(**fields), key=str)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"entityId": "hall-1"}, "no device of this twin"),
        ({"entityId": None, "componentTypeId": "factory.room"}, "neither an entity nor"),
        ({"entityId": None, "componentTypeId": None}, "neither an entity nor"),
        ({"startTime": "yesterday, around noon"}, "startTime is not a time"),
        ({"nextToken": "nonsense"}, "nextToken"),
        ({"nextToken": "WzEsMiwzLDRd"}, "nextToken"),
        ({"interpolation": {"interpolationType": "LINEAR", "intervalInSeconds": 1}}, "interpolate"),
        ({"propertyFilters": [{"propertyName": "flow", "operator": "LIKE", "value": {}}]}, "filter"),
    ],
)
def test_what_is_refused(bench: Bench, fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadRequest, match=sentence):
        bench.ask(**fields)


def test_a_token_of_another_device_is_refused(bench: Bench) -> None:
    for second in range(3):
        bench.measure("pump-1", second, flow=second)
    token = bench.ask(maxResults=1)["nextToken"]
    with pytest.raises(BadRequest):
        bench.ask(entityId="thermostat-1", selectedProperties=["temperature"], nextToken=token)


def test_a_store_that_is_away_is_an_error(bench: Bench) -> None:
    bench.store.faults.ahead.append(Retry("The store is away."))
    with pytest.raises(Retry):
        bench.ask()
