"""The twin graph in Azure Digital Twins: the contract, and what is this service's own, on the stand-in."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from contract.graph_contract import AT, LATER, GraphContract
from local_cloud.azure.digital_twins.api import READER, RESOURCE
from support.graphs import EDGES, GRAPH_DOCUMENT, GRAPH_TWIN, HALL, MODEL, measurement
from support.samples import log
from twin_azure import dtdl
from twin_azure.digital_twins import MARK, DigitalTwins
from twin_azure.digital_twins_client import SCOPE, Client
from twin_runtime import model
from twin_runtime.errors import Refused, Retry, Throttled
from twin_runtime.functions.twin_sync import TwinSync
from twin_runtime.graph import graph as desired_graph
from twin_runtime.ports import Event, GraphTwin, Relationship
from twin_runtime.wire.http_client import Answer

from .twins import Credential, Twins, running

pytestmark = pytest.mark.servers
PREFIX = dtdl.prefix(GRAPH_TWIN.name)


@pytest.fixture
def service() -> Iterator[Twins]:
    with running(page=3) as twins:
        yield twins


@pytest.fixture
def graph(service: Twins) -> DigitalTwins:
    """As twin_sync makes it."""
    made = DigitalTwins.at(service.url, Credential(), GRAPH_TWIN)
    sync(made)
    return made


class TestDigitalTwins(GraphContract):
    @pytest.fixture
    def graph(self, service: Twins) -> DigitalTwins:
        return DigitalTwins.at(service.url, Credential(), GRAPH_TWIN)


class Readings:
    def __init__(self, *events: Event) -> None:
        self._events = events

    def latest(self, type: str) -> Iterator[Event]:
        yield from (event for event in self._events if event["subject"] == type)

    def range(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("twin_sync asks for the latest alone")


def sync(graph: DigitalTwins, twin: model.Twin = GRAPH_TWIN, *events: Event, runs: int = 3) -> TwinSync:
    role = TwinSync(twin=twin, graph=graph, reader=Readings(*events), log=log("twin_sync")[0])
    for _ in range(runs):
        role.run(budget=30.0)
    return role


def changed(**sections: Mapping[str, Any]) -> model.Twin:
    """The graph's twin with other types: `device_types`, or `types` of the model."""
    document = {**GRAPH_DOCUMENT, "device_types": {**GRAPH_DOCUMENT["device_types"]}}
    document["device_types"] |= sections.get("device_types", {})
    document["model"] = {**MODEL, "types": {**MODEL["types"], **sections.get("types", {})}}
    return model.parse(document)


def pump(**telemetry: str) -> dict[str, Any]:
    kinds = {name: {"type": kind} for name, kind in telemetry.items()}
    return {"pump": {"telemetry": kinds, "commands": {}, "processor": None}}


def revisions(service: Twins, type: str) -> dict[str, bool]:
    """The revisions of a type, and whether each is decommissioned."""
    known = service.instance.models.known
    return {
        id_: model.decommissioned
        for id_, model in known.items()
        if dtdl.type_of(PREFIX, id_) == type and dtdl.is_revision(PREFIX, id_)
    }


def made_of(service: Twins, id: str) -> str:
    return service.instance.twin(id)["$metadata"]["$model"]


class TestModels:
    def test_a_changed_type_gets_a_new_revision_and_its_twins_are_moved(
        self, service: Twins, graph: DigitalTwins
    ) -> None:
        graph.set_values("pump-1", {"flow": 2.5, "turns": 3}, AT)
        (old,) = revisions(service, "pump")
        sync(graph, changed(device_types=pump(flow="number", level="number")))
        found = revisions(service, "pump")
        (new,) = found.keys() - {old}
        assert found == {old: True, new: False}
        assert made_of(service, "pump-1") == new
        moved = graph.twin("pump-1")
        assert moved is not None
        # A metric that is no more goes, what is still measured stays.
        assert (moved.values, moved.time) == ({"flow": 2.5}, AT)
        graph.set_values("pump-1", {"level": 1.0}, LATER)
        assert service.instance.twin("pump-1")["level"] == 1.0

    def test_a_metric_of_another_type_loses_its_value(self, graph: DigitalTwins) -> None:
        graph.set_values("pump-1", {"flow": 2.5, "turns": 3}, AT)
        sync(graph, changed(device_types=pump(flow="string", turns="integer")))
        found = graph.twin("pump-1")
        assert found is not None
        assert found.values == {"turns": 3}

    def test_properties_stay_when_a_type_gets_another(self, graph: DigitalTwins) -> None:
        room = {"properties": {**MODEL["types"]["room"]["properties"], "height": {"type": "number"}}}
        sync(graph, changed(types={"room": room}))
        assert graph.twin("hall-1") == HALL
        assert {edge for edge in EDGES if edge.source == "hall-1"} == set(
            graph.relationships("hall-1", incoming=False, cursor=None, limit=50)[0]
        )

    def test_an_old_revision_goes_when_types_change_again(self, service: Twins, graph: DigitalTwins) -> None:
        (first,) = revisions(service, "pump")
        sync(graph, changed(device_types=pump(flow="number")))
        sync(graph, changed(device_types=pump(flow="number", level="number")))
        assert first not in revisions(service, "pump")
        assert sorted(revisions(service, "pump").values()) == [False, True]

    def test_a_type_that_comes_back_is_used_again(self, service: Twins, graph: DigitalTwins) -> None:
        (first,) = revisions(service, "pump")
        sync(graph, changed(device_types=pump(flow="number")))
        sync(graph)
        assert revisions(service, "pump")[first] is False
        assert made_of(service, "pump-1") == first

    def test_a_type_that_is_no_more_goes_with_its_models(self, service: Twins, graph: DigitalTwins) -> None:
        document = {**GRAPH_DOCUMENT, "devices": {"thermostat-1": "thermostat", "thermostat-2": "thermostat"}}
        kept = {"thermostat": GRAPH_DOCUMENT["device_types"]["thermostat"]}
        without = model.parse({**document, "device_types": kept})
        sync(graph, without)
        assert graph.twin("pump-1") is None
        other = model.parse({**document, "device_types": kept, "hot_days": 31, "model": {}})
        sync(graph, other)
        assert not [id_ for id_ in service.instance.models.known if dtdl.type_of(PREFIX, id_) == "pump"]

    def test_an_edge_of_a_name_that_the_new_model_lacks_is_deleted_first(
        self, service: Twins, graph: DigitalTwins
    ) -> None:
        edges = [edge for edge in MODEL["relationships"] if edge[1] != "cools"]
        sync(graph, model.parse({**GRAPH_DOCUMENT, "model": {**MODEL, "relationships": edges}}))
        assert graph.relationships("press-7", incoming=False, cursor=None, limit=9)[0] == [
            Relationship("press-7", "has_sensor", "thermostat-1")
        ]

    def test_a_twin_that_cannot_be_moved_stays_as_it_is(
        self, service: Twins, graph: DigitalTwins, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (old,) = revisions(service, "pump")
        patch = service.instance.patch_twin

        def refusing(id_: str, operations: Any, *, etag: str | None) -> Any:
            if any(each["path"] == "/$metadata/$model" for each in operations):
                operations = [{"op": "replace", "path": "/nothing", "value": 1}]
            return patch(id_, operations, etag=etag)

        monkeypatch.setattr(service.instance, "patch_twin", refusing)
        sync(graph, changed(device_types=pump(flow="number", level="number")))
        assert made_of(service, "pump-1") == old
        graph.set_values("pump-1", {"flow": 4.0}, AT)
        assert service.instance.twin("pump-1")["flow"] == 4.0

    def test_a_metric_that_the_twin_s_model_lacks_waits_for_the_move(self, graph: DigitalTwins) -> None:
        with pytest.raises(Retry, match="not yet of a model"):
            graph.set_values("pump-1", {"level": 1.0}, AT)

    def test_without_models_there_is_nothing_to_read(self, service: Twins) -> None:
        reader = DigitalTwins.at(service.url, Credential(READER), GRAPH_TWIN)
        assert reader.twins(type=None, cursor=None, limit=9) == ([], None)
        assert reader.twins(type="pump", cursor=None, limit=9) == ([], None)
        assert reader.twin("pump-1") is None
        with pytest.raises(Retry, match="no model yet"):
            reader.put_twin(GraphTwin("pump-1", "pump", "pump-1"), digest="d")

    def test_a_new_process_finds_the_models_that_are_there(self, service: Twins, graph: DigitalTwins) -> None:
        again = DigitalTwins.at(service.url, Credential(), GRAPH_TWIN)
        again.put_twin(GraphTwin("pump-1", "pump", "Pump"), digest="d")
        again.set_values("pump-1", {"flow": 1.0}, AT)
        assert again.twin("pump-1") == GraphTwin("pump-1", "pump", "Pump", {}, {"flow": 1.0}, AT)


class TestNames:
    def test_names_that_every_twin_has_are_no_one_else_s(self, service: Twins) -> None:
        document = {
            **GRAPH_DOCUMENT,
            "device_types": {**pump(name="string", digest="number", name_metric="integer")},
            "devices": {"pump-1": "pump", "pump-2": "pump"},
            "rules": [],
            "model": {
                "types": {"room": {"properties": {"time": {"type": "string"}, "name": {"type": "string"}}}},
                "entities": {
                    "hall-1": {"type": "room", "name": "Hall", "properties": {"time": "t", "name": "n"}}
                },
                "relationships": [["hall-1", "digest", "pump-1"], ["pump-1", "time", "pump-2"]],
            },
        }
        twin = model.parse(document)
        graph = DigitalTwins.at(service.url, Credential(), twin)
        sync(graph, twin)
        values = {"name": "x", "digest": 1.0, "name_metric": 7}
        graph.set_values("pump-1", values, AT)
        assert graph.twin("pump-1") == GraphTwin("pump-1", "pump", "pump-1", {}, values, AT)
        hall = GraphTwin("hall-1", "room", "Hall", {"time": "t", "name": "n"})
        assert graph.twin("hall-1") == hall
        assert graph.relationships("hall-1", incoming=False, cursor=None, limit=9)[0] == [
            Relationship("hall-1", "digest", "pump-1")
        ]
        assert dict(graph.digests()) == desired_graph.desired(twin).digests

    def test_a_hyphen_of_the_twin_is_an_underscore_of_the_models(self) -> None:
        assert dtdl.prefix("my-twin-2") == "dtmi:twinspan:my_twin_2"


class TestOthers:
    """What somebody else put into the instance."""

    def test_their_twins_and_edges_are_left_alone(self, service: Twins, graph: DigitalTwins) -> None:
        service.instance.models.add(
            [{"@context": dtdl.CONTEXT, "@id": "dtmi:other:thing;1", "@type": "Interface", "contents": [
                {"@type": "Relationship", "name": "contains"}]}]
        )  # fmt: skip
        theirs = {"$metadata": {"$model": "dtmi:other:thing;1"}}
        service.instance.put_twin("theirs", theirs, only_new=True)
        for source, target in (("theirs", "hall-1"), ("hall-1", "theirs")):
            edge = {"$targetId": target, "$relationshipName": "contains"}
            service.instance.put_relationship(source, "by-hand", edge, only_new=True)
        sync(graph)
        graph.put_relationships("hall-1", [], digest="d")
        assert graph.twin("theirs") is None
        assert "theirs" not in dict(graph.digests())
        assert "theirs" not in [twin.id for twin in graph.twins(type=None, cursor=None, limit=99)[0]]
        assert graph.relationships("hall-1", incoming=False, cursor=None, limit=9) == ([], None)
        assert service.instance.twin("theirs")
        (kept,), _ = service.instance.relationships("hall-1", incoming=False, token=None)
        assert kept["$targetId"] == "theirs"

    def test_a_twin_goes_with_every_edge(self, service: Twins, graph: DigitalTwins) -> None:
        edge = {"$targetId": "hall-1", "$relationshipName": "has_sensor"}
        service.instance.put_relationship("press-7", "by-hand", edge, only_new=True)
        graph.delete_twin("hall-1")
        assert graph.twin("hall-1") is None

    def test_a_twin_that_somebody_else_writes_at_the_same_time(
        self, service: Twins, graph: DigitalTwins
    ) -> None:
        client, asked = graph._client, 0
        read = client.twin

        def meanwhile(id: str) -> Any:
            nonlocal asked
            document = read(id)
            asked += 1
            if asked <= 2:
                graph.set_values("pump-1", {"flow": float(asked)}, AT)
            return document

        client.twin = meanwhile  # type: ignore[method-assign]
        graph._made_of["pump-1"] = graph._models.current("pump")
        graph.put_twin(GraphTwin("pump-1", "pump", "Renamed"), digest="d")
        assert graph.twin("pump-1") == GraphTwin("pump-1", "pump", "Renamed", {}, {"flow": 2.0}, AT)

    def test_a_twin_that_is_never_left_alone_is_tried_later(
        self, service: Twins, graph: DigitalTwins, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(graph._client, "patch_twin", lambda *_, **__: False)
        with pytest.raises(Throttled, match="others at the same time"):
            graph.put_twin(GraphTwin("pump-1", "pump", "Renamed"), digest="d")


class TestRequests:
    def test_the_mark_is_a_twin_that_no_other_can_be(self, service: Twins, graph: DigitalTwins) -> None:
        assert service.instance.twin(MARK)["digest"] == graph.mark()
        assert graph.twin(MARK) is None
        assert not model_id_allows(MARK)

    def test_a_second_run_writes_nothing(self, service: Twins, graph: DigitalTwins) -> None:
        service.asked.clear()
        sync(graph, runs=1)
        assert {request.method for request, _ in service.asked} <= {"GET", "POST"}
        assert all(request.path == "/query" for request, _ in service.asked if request.method == "POST")

    def test_values_take_one_request_once_the_twin_is_known(
        self, service: Twins, graph: DigitalTwins
    ) -> None:
        graph.set_values("pump-1", {"flow": 1.0}, AT)
        service.asked.clear()
        graph.set_values("pump-1", {"flow": 2.0}, LATER)
        ((request, answer),) = service.asked
        assert (request.method, request.path, answer.status) == ("PATCH", "/digitaltwins/pump-1", 204)

    def test_a_reader_reads_and_cannot_write(self, service: Twins, graph: DigitalTwins) -> None:
        reader = DigitalTwins.at(service.url, Credential(READER), GRAPH_TWIN)
        assert reader.twin("hall-1") == HALL
        assert len(reader.twins(type="thermostat", cursor=None, limit=9)[0]) == 2
        assert len(reader.relationships("hall-1", incoming=False, cursor=None, limit=9)[0]) == 2
        with pytest.raises(Retry, match="answered 403"):
            reader.put_twin(GraphTwin("pump-1", "pump", "Renamed"), digest="d")

    def test_the_token_is_for_the_service(self, service: Twins) -> None:
        assert f"{RESOURCE}/.default" == SCOPE
        stranger = DigitalTwins.at(service.url, Credential("nobody"), GRAPH_TWIN)
        with pytest.raises(Retry, match="answered 403"):
            stranger.mark()

    def test_a_cursor_of_edges_asks_for_this_twin_s_alone(self, service: Twins, graph: DigitalTwins) -> None:
        """What a client hands back cannot lead to another path."""
        from twin_azure.twin_documents import cursor

        service.asked.clear()
        graph.relationships("hall-1", incoming=False, cursor=cursor(0, "a=b&c=%2Fmodels"), limit=9)
        assert [request.path for request, _ in service.asked] == ["/digitaltwins/hall-1/relationships"]

    def test_a_type_s_name_cannot_change_the_query(self, service: Twins, graph: DigitalTwins) -> None:
        service.asked.clear()
        assert graph.twins(type="pump;1') OR true", cursor=None, limit=9) == ([], None)
        assert not service.asked


def model_id_allows(id: str) -> bool:
    """Whether twin.yaml could have such an id."""
    import re

    from twinspan.config.graph import GRAPH_ID

    return re.fullmatch(GRAPH_ID, id) is not None


class Fixed:
    """An HTTP client that always answers the same."""

    def __init__(self, status: int, headers: Mapping[str, str] | None = None, body: bytes = b"{}") -> None:
        self._answer = Answer(status, headers or {}, body)

    def request(self, *_: Any, **__: Any) -> Answer:
        return self._answer


@pytest.mark.parametrize(
    ("status", "headers", "error", "says"),
    [
        (400, {"x-ms-error-code": "ValidationFailed"}, Refused, "400, ValidationFailed"),
        (400, {"x-ms-error-code": "secret payload"}, Refused, r"\(400\)"),
        (413, {}, Refused, "413"),
        (401, {}, Retry, "401"),
        (403, {}, Retry, "403"),
        (409, {}, Retry, "409"),
        (429, {"retry-after": "7"}, Throttled, "429"),
        (503, {}, Throttled, "503"),
        (500, {}, Retry, "500"),
    ],
)
def test_what_an_answer_means(status: int, headers: dict[str, str], error: type, says: str) -> None:
    client = Client("https://twins", Credential(), Fixed(status, headers))  # type: ignore[arg-type]
    with pytest.raises((Retry, Refused), match=says) as raised:
        client.add_models([{}])
    assert raised.type is error
    if status == 429:
        assert raised.value.after == 7  # type: ignore[union-attr]


def test_an_answer_that_is_not_json_is_tried_again() -> None:
    client = Client("https://twins", Credential(), Fixed(200, body=b"gateway"))  # type: ignore[arg-type]
    with pytest.raises(Retry, match="not understood"):
        client.twin("hall-1")


def test_a_service_whose_queries_are_late() -> None:
    """Azure Digital Twins shows in queries what was written up to ten seconds before."""
    event = measurement("thermostat-1", AT, {"temperature": 21.5})
    with running(lag_s=0.25) as service:
        graph = DigitalTwins.at(service.url, Credential(), GRAPH_TWIN)
        role = TwinSync(twin=GRAPH_TWIN, graph=graph, reader=Readings(event), log=log("twin_sync")[0])
        wanted = desired_graph.desired(GRAPH_TWIN)
        for _ in range(4):
            role.run(budget=30.0)
            time.sleep(0.3)
        assert graph.mark().startswith(wanted.mark)
        assert dict(graph.digests()) == wanted.digests
        found = graph.twin("thermostat-1")
        assert found is not None
        assert found.values == {"temperature": 21.5}
