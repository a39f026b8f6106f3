"""Every request of the adapter against the service's specification.

Facts from Azure/azure-rest-api-specs, specification/digitaltwins/data-plane/DigitalTwins/stable/2023-10-31,
digitaltwins.json: of each operation that the adapter uses its method, path, parameters, media type, body and
answer.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import pytest

from contract.graph_contract import AT
from local_cloud.web import Answer, Request
from support.graphs import GRAPH_DOCUMENT, GRAPH_TWIN, without
from support.samples import log
from twin_azure.digital_twins import DigitalTwins
from twin_runtime import model
from twin_runtime.functions.twin_sync import TwinSync
from twin_runtime.ports import GraphTwin

from .twins import Credential, Twins, running

pytestmark = pytest.mark.servers
JSON, PATCH = "application/json", "application/json-patch+json"
ID = r"[^/?]+"
VERSION = "2023-10-31"
ALWAYS = {"authorization", "host", "accept-encoding", "content-type", "content-length", "user-agent"}
"""Headers that belong to HTTP itself, or to the specification's `oauth2`."""


class Operation(NamedTuple):
    method: str
    path: str
    media_type: str | None
    body: type | None
    status: int
    headers: dict[str, str] = {}
    """Optional ones, each with a pattern of its values."""
    query: dict[str, str] = {}


_PAGE = {"max-items-per-page": r"[0-9]+"}
_NEW = {"if-none-match": r"\*"}
_MATCH = {"if-match": r".+"}
_NEXT = {"continuationToken": r".+"}  # of a nextLink, which is followed as it is
OPERATIONS = {
    "DigitalTwinModels_Add": Operation("POST", "/models", JSON, list, 201),
    "DigitalTwinModels_List": Operation(
        "GET", "/models", None, None, 200, _PAGE, {"includeModelDefinition": "true|false", **_NEXT}
    ),
    "DigitalTwinModels_GetById": Operation(
        "GET", f"/models/{ID}", None, None, 200, {}, {"includeModelDefinition": "true|false"}
    ),
    "DigitalTwinModels_Update": Operation("PATCH", f"/models/{ID}", PATCH, list, 204),
    "DigitalTwinModels_Delete": Operation("DELETE", f"/models/{ID}", None, None, 204),
    "Query_QueryTwins": Operation("POST", "/query", JSON, dict, 200, _PAGE),
    "DigitalTwins_GetById": Operation("GET", f"/digitaltwins/{ID}", None, None, 200),
    "DigitalTwins_Add": Operation("PUT", f"/digitaltwins/{ID}", JSON, dict, 200, _NEW),
    "DigitalTwins_Update": Operation("PATCH", f"/digitaltwins/{ID}", PATCH, list, 204, _MATCH),
    "DigitalTwins_Delete": Operation("DELETE", f"/digitaltwins/{ID}", None, None, 204, _MATCH),
    "DigitalTwins_ListRelationships": Operation(
        "GET", f"/digitaltwins/{ID}/relationships", None, None, 200, {}, {"relationshipName": ".+", **_NEXT}
    ),
    "DigitalTwins_ListIncomingRelationships": Operation(
        "GET", f"/digitaltwins/{ID}/incomingrelationships", None, None, 200, {}, _NEXT
    ),
    "DigitalTwins_AddRelationship": Operation(
        "PUT", f"/digitaltwins/{ID}/relationships/{ID}", JSON, dict, 200, _NEW
    ),
    "DigitalTwins_DeleteRelationship": Operation(
        "DELETE", f"/digitaltwins/{ID}/relationships/{ID}", None, None, 204, _MATCH
    ),
}


@pytest.fixture(scope="module")
def asked() -> list[tuple[Request, Answer]]:
    """What the adapter asks while a graph is made, changes its types, shrinks and is cleared."""
    with running(page=1) as service:
        graph = DigitalTwins.at(service.url, Credential(), GRAPH_TWIN)
        grown = {"pump": {"telemetry": {"level": {"type": "number"}}, "commands": {}, "processor": None}}
        types = {**GRAPH_DOCUMENT["device_types"], **grown}
        other = {**GRAPH_DOCUMENT["device_types"], "pump": GRAPH_DOCUMENT["device_types"]["thermostat"]}
        twins = [
            GRAPH_TWIN,
            *(model.parse({**GRAPH_DOCUMENT, "device_types": each}) for each in (types, other)),
        ]
        for twin in (*twins, without("press-7")):
            for _ in range(2):
                _sync(service, graph, twin).run(budget=30.0)
        graph.set_values("thermostat-1", {"temperature": 21.5}, AT)
        graph.put_twin(GraphTwin("hall-1", "room", "Hall", {"label": "é"}), digest="d")
        for incoming in (True, False):
            _, cursor = graph.relationships("hall-1", incoming=incoming, cursor=None, limit=1)
            if cursor:
                graph.relationships("hall-1", incoming=incoming, cursor=cursor, limit=1)
        _, cursor = graph.twins(type="thermostat", cursor=None, limit=1)
        graph.twins(type="thermostat", cursor=cursor, limit=1)
        _sync(service, graph, GRAPH_TWIN).clear(budget=30.0)
        return service.asked


def _sync(_: Twins, graph: DigitalTwins, twin: model.Twin) -> TwinSync:
    return TwinSync(twin=twin, graph=graph, reader=None, log=log("twin_sync")[0])


def operation_of(request: Request) -> str:
    path = urlsplit(request.url).path
    found = [
        name
        for name, operation in OPERATIONS.items()
        if operation.method == request.method and re.fullmatch(operation.path, path)
    ]
    assert len(found) == 1, f"{request.method} {path}"
    return found[0]


def test_every_operation_of_the_adapter_was_asked_for(asked: list[tuple[Request, Answer]]) -> None:
    assert {operation_of(request) for request, _ in asked} == OPERATIONS.keys()


def test_parameters_are_those_of_the_operation(asked: list[tuple[Request, Answer]]) -> None:
    for request, _ in asked:
        operation = OPERATIONS[operation_of(request)]
        query = dict(parse_qsl(urlsplit(request.url).query, strict_parsing=True))
        assert query.pop("api-version") == VERSION
        check(query, operation.query, request)
        check(
            {name: v for name, v in request.headers.items() if name not in ALWAYS}, operation.headers, request
        )


def check(given: dict[str, str], known: dict[str, str], request: Request) -> None:
    for name, value in given.items():
        assert name in known, f"{request.method} {request.path}: {name}"
        assert re.fullmatch(known[name], value), f"{request.method} {request.path}: {name}={value}"


def test_bodies_are_those_of_the_operation(asked: list[tuple[Request, Answer]]) -> None:
    for request, _ in asked:
        operation = OPERATIONS[operation_of(request)]
        if operation.body is None:
            assert request.body == b""
            assert "content-type" not in request.headers
        else:
            assert request.headers["content-type"] == operation.media_type
            assert isinstance(json.loads(request.body), operation.body)


def bodies(asked: list[tuple[Request, Answer]], *names: str) -> list[Any]:
    return [json.loads(request.body) for request, _ in asked if operation_of(request) in names]


def test_patches_are_limited_to_three_operations(asked: list[tuple[Request, Answer]]) -> None:
    # DigitalTwins_Update, patchDocument; RFC 6902: a removal has no value, the others have one.
    patches = bodies(asked, "DigitalTwins_Update", "DigitalTwinModels_Update")
    operations = [operation for patch in patches for operation in patch]
    assert {operation["op"] for operation in operations} == {"add", "replace", "remove"}
    for operation in operations:
        assert operation.keys() == {"op", "path"} | ({"value"} if operation["op"] != "remove" else set())
        assert operation["path"].startswith("/")


def test_of_a_model_the_decommissioning_alone_is_replaced(asked: list[tuple[Request, Answer]]) -> None:
    for (operation,) in bodies(asked, "DigitalTwinModels_Update"):
        assert (operation["op"], operation["path"]) == ("replace", "/decommissioned")


def test_a_query_has_its_text_or_a_token(asked: list[tuple[Request, Answer]]) -> None:
    kinds = {tuple(body) for body in bodies(asked, "Query_QueryTwins")}
    assert kinds == {("query",), ("continuationToken",)}


def test_models_are_a_list_of_different_objects(asked: list[tuple[Request, Answer]]) -> None:
    for models in bodies(asked, "DigitalTwinModels_Add"):
        texts = [json.dumps(each, sort_keys=True) for each in models]
        assert texts
        assert len(texts) == len(set(texts))


def test_the_stand_in_answers_as_the_specification_says(asked: list[tuple[Request, Answer]]) -> None:
    for request, answer in asked:
        if answer.status < 300:
            assert answer.status == OPERATIONS[operation_of(request)].status
        else:
            # Not there yet, or there already: what the adapter asks to find out.
            assert answer.status in (404, 412)
            assert answer.headers["x-ms-error-code"] == json.loads(answer.body)["error"]["code"]
