"""TwinMaker's stand-in refuses what the service's model does not allow, and a connector that answers so."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from local_cloud.aws import twinmaker_api
from local_cloud.aws.twinmaker import TwinMaker
from local_cloud.aws.workspace import Workspace

TYPE = {
    "WorkspaceId": "factory-graph",
    "ComponentTypeId": "factory.pump",
    "PropertyDefinitions": {
        "flow": {"DataType": {"Type": "DOUBLE"}, "IsTimeSeries": True},
        "device-id": {"DataType": {"Type": "STRING"}, "IsRequiredInEntity": True},
    },
    "Functions": {"dataReader": {"ImplementedBy": {"Lambda": {"Arn": "arn:of:the:connector"}}}},
}
TEMPLATE = {
    "Resources": {
        "Workspace": {
            "Type": "AWS::IoTTwinMaker::Workspace",
            "Properties": {
                "WorkspaceId": "factory-graph",
                "S3Location": "arn:aws:s3:::factory-graph",
                "Role": "arn:aws:iam::123456789012:role/factory-graph",
            },
        },
        "Pump": {"Type": "AWS::IoTTwinMaker::ComponentType", "Properties": TYPE},
    }
}
COMPONENTS = {
    "pump": {"componentTypeId": "factory.pump", "properties": {"device-id": {"value": {"stringValue": "p"}}}}
}
ENTITY = {"entityId": "pump-1", "entityName": "Pump", "components": COMPONENTS}
HISTORY = "workspaces/factory-graph/entity-properties/history"


class Bench:
    def __init__(self) -> None:
        self.answer: dict[str, Any] = {"propertyValues": []}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        workspace = Workspace(TEMPLATE, connector=self._connector, region="eu-central-1", settles=0.0)
        self.server = TwinMaker(workspace)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        request = urllib.request.Request(
            f"{self.server.url}/{path}", method=method, data=json.dumps(body).encode() if body else None
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, {"code": error.headers["x-amzn-errortype"], **json.load(error)}

    def create(self, **changes: Any) -> tuple[int, dict[str, Any]]:
        return self.call("POST", "workspaces/factory-graph/entities", {**ENTITY, **changes})

    def _connector(self, function: str, request: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((function, request))
        return self.answer


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.server.close()


pytestmark = pytest.mark.servers


def test_an_entity_can_be_made_once(bench: Bench) -> None:
    assert bench.create()[0] == 200
    status, document = bench.create()
    assert (status, document["code"]) == (409, "ConflictException")


@pytest.mark.parametrize(
    "changes",
    [
        {"entityId": "x"},
        {"entityId": "ends-with-"},
        {"entityName": ""},
        {"entityName": "\u0001"},
        {"colour": "red"},
        {"description": "d" * 2049},
        {"components": {"a b": COMPONENTS["pump"]}},
        {"components": {"pump": {**COMPONENTS["pump"], "componentTypeId": "factory.valve"}}},
        {"components": {"pump": {"componentTypeId": "factory.pump"}}},
        {
            "components": {
                "pump": {
                    "componentTypeId": "factory.pump",
                    "properties": {"device-id": {"value": {"doubleValue": 1}}},
                }
            }
        },
    ],
)
def test_what_the_model_does_not_allow_is_refused(bench: Bench, changes: dict[str, Any]) -> None:
    status, document = bench.create(**changes)
    assert (status, document["code"]) == (400, "ValidationException"), document


def test_other_operations_and_workspaces_are_not_there(bench: Bench) -> None:
    assert bench.call("GET", "nonsense")[0] == 404
    status, document = bench.call("GET", "workspaces/another")
    assert (status, document["code"]) == (404, "ResourceNotFoundException")


def test_the_connector_is_asked_as_twinmaker_documents_it(bench: Bench) -> None:
    bench.create()
    query = {
        "entityId": "pump-1",
        "componentName": "pump",
        "selectedProperties": ["flow"],
        "startTime": "1970-01-01T00:00:00Z",
        "endTime": "9999-12-31T23:59:59Z",
        "orderByTime": "DESCENDING",
        "maxResults": 1,
    }
    assert bench.call("POST", HISTORY, query) == (200, {"propertyValues": []})
    ((function, request),) = bench.asked
    assert function == "arn:of:the:connector"
    assert set(request) == {
        *query,
        "workspaceId",
        "componentTypeId",
        "properties",
    }
    assert request["properties"]["device-id"]["value"] == {"stringValue": "p"}
    assert request["properties"]["flow"]["definition"]["isTimeSeries"] is True


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"propertyValues": [{"values": []}]},
        {"propertyValues": [{"entityPropertyReference": {"propertyName": "flow"}, "values": [{"value": 1}]}]},
        {
            "propertyValues": [
                {"entityPropertyReference": {"propertyName": "flow"}, "values": [{"value": {"float": 1.0}}]}
            ]
        },
    ],
)
def test_a_connector_that_answers_otherwise_fails(bench: Bench, answer: dict[str, Any]) -> None:
    bench.create()
    bench.answer = answer
    query = {"entityId": "pump-1", "componentName": "pump", "selectedProperties": ["flow"]}
    status, document = bench.call("POST", HISTORY, query)
    assert (status, document["code"]) == (500, "ConnectorFailureException")


def test_values_of_what_is_no_time_series_are_not_asked_for(bench: Bench) -> None:
    bench.create()
    query = {"entityId": "pump-1", "componentName": "pump", "selectedProperties": ["device-id"]}
    assert bench.call("POST", HISTORY, query)[0] == 400
    assert bench.asked == []


def test_operations_are_found_by_method_and_path() -> None:
    found = twinmaker_api.operation("PUT", "/workspaces/w/entities/a%3Ab")
    assert found is not None
    assert (found[0].name, found[1]) == ("UpdateEntity", {"workspaceId": "w", "entityId": "a:b"})
