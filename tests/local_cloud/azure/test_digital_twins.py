"""The stand-in for Azure Digital Twins refuses what the service does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local_cloud.azure.digital_twins.api import API_VERSION, LONGEST_BODY, OWNER, READER, RESOURCE, Api
from local_cloud.azure.digital_twins.instance import Instance
from local_cloud.azure.tokens import Tokens
from local_cloud.web import Answer, Request

TOKENS = Tokens("a key of the tests' own")
PATCH = "application/json-patch+json"
ROOM = {
    "@context": "dtmi:dtdl:context;3",
    "@id": "dtmi:test:room;1",
    "@type": "Interface",
    "contents": [
        {"@type": "Property", "name": "area", "schema": "double"},
        {"@type": "Property", "name": "floor", "schema": "long"},
        {"@type": "Property", "name": "label", "schema": "string"},
        {"@type": "Property", "name": "heated", "schema": "boolean"},
        {"@type": "Relationship", "name": "contains"},
    ],
}
OFFICE = {**ROOM, "@id": "dtmi:test:office;1", "extends": "dtmi:test:room;1", "contents": []}


class Service:
    def __init__(self) -> None:
        self.api = Api(TOKENS, {"owner": OWNER, "reader": READER}, Instance(page=2))

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        principal: str = "owner",
        audience: str = RESOURCE,
        version: str | None = API_VERSION,
        **headers: str,
    ) -> tuple[int, Any]:
        """Status, and the document or the error's code."""
        token = TOKENS.issue(principal, audience)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        kind = PATCH if method == "PATCH" else "application/json"
        sent = {"authorization": f"Bearer {token}", "content-type": kind, **sent}
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        where, _, more = path.partition("?")
        given = "&".join(part for part in (more, f"api-version={version}" if version else "") if part)
        query = dict(pair.split("=", 1) for pair in given.split("&") if pair)
        request = Request(method, f"https://twins{where}?{given}", where, query, sent, content)
        answer: Answer = self.api(request)
        document: Any = json.loads(answer.body or b"null")
        return answer.status, document["error"]["code"] if answer.status >= 400 else document


@pytest.fixture
def service() -> Service:
    made = Service()
    assert made.ask("POST", "/models", [ROOM, OFFICE])[0] == 201
    for name in ("hall", "office"):
        assert put(made, name)[0] == 200
    return made


def put(service: Service, id: str, **properties: Any) -> tuple[int, Any]:
    return service.ask("PUT", f"/digitaltwins/{id}", {"$metadata": {"$model": ROOM["@id"]}, **properties})


def edge(service: Service, id: str, target: str, name: str = "contains", **headers: str) -> tuple[int, Any]:
    body = {"$targetId": target, "$relationshipName": name}
    return service.ask("PUT", f"/digitaltwins/hall/relationships/{id}", body, **headers)


class TestRequests:
    def test_who_may_do_what(self, service: Service) -> None:
        path = "/digitaltwins/hall"
        assert service.ask("GET", path, principal="reader")[0] == 200
        assert (
            service.ask("POST", "/query", {"query": "SELECT * FROM DIGITALTWINS"}, principal="reader")[0]
            == 200
        )
        assert service.ask("DELETE", path, principal="reader") == (403, "AuthorizationFailed")
        assert service.ask("GET", path, principal="nobody") == (403, "AuthorizationFailed")
        assert service.ask("GET", path, audience="https://vault.azure.net") == (401, "AuthenticationFailed")

    @pytest.mark.parametrize("version", [None, "2020-10-31"])
    def test_the_version(self, service: Service, version: str | None) -> None:
        assert service.ask("GET", "/digitaltwins/hall", version=version) == (400, "InvalidArgument")

    def test_what_is_no_operation(self, service: Service) -> None:
        for method, path in (("POST", "/digitaltwins/hall"), ("GET", "/"), ("PUT", "/models/a")):
            assert service.ask(method, path)[0] == 404

    def test_bodies(self, service: Service) -> None:
        path = "/digitaltwins/hall"
        assert service.ask("PUT", path, {}, content_type="text/plain")[0] == 415
        assert service.ask("PATCH", path, [], content_type="application/json")[0] == 415
        assert service.ask("PUT", path, b"{") == (400, "InvalidArgument")
        assert service.ask("PUT", path, b"x" * (LONGEST_BODY + 1))[0] == 413

    @pytest.mark.parametrize("most", ["0", "101", "many"])
    def test_items_per_page(self, service: Service, most: str) -> None:
        query = {"query": "SELECT * FROM DIGITALTWINS"}
        assert service.ask("POST", "/query", query, **{"max-items-per-page": most})[0] == 400


class TestModels:
    def test_a_model_stays_what_it_is(self, service: Service) -> None:
        assert service.ask("POST", "/models", [ROOM]) == (409, "ModelAlreadyExists")

    def test_all_or_none(self, service: Service) -> None:
        other = {**ROOM, "@id": "dtmi:test:other;1"}
        assert service.ask("POST", "/models", [other, {**other, "@id": "no"}]) == (400, "DTDLParserError")
        assert service.ask("GET", "/models/dtmi:test:other;1") == (404, "ModelNotFound")

    def test_what_is_extended_cannot_be_deleted(self, service: Service) -> None:
        assert service.ask("DELETE", "/models/dtmi:test:room;1") == (409, "ModelReferencesNotDeleted")
        assert service.ask("DELETE", "/models/dtmi:test:office;1")[0] == 204

    def test_of_a_decommissioned_model_no_twin_is_made(self, service: Service) -> None:
        patch = [{"op": "replace", "path": "/decommissioned", "value": True}]
        assert service.ask("PATCH", "/models/dtmi:test:room;1", patch)[0] == 204
        assert put(service, "new") == (400, "ModelDecommissioned")
        # Those that are there go on.
        change = [{"op": "add", "path": "/area", "value": 1}]
        assert service.ask("PATCH", "/digitaltwins/hall", change)[0] == 204
        wrong = [{"op": "replace", "path": "/displayName", "value": True}]
        assert service.ask("PATCH", "/models/dtmi:test:room;1", wrong) == (400, "JsonPatchInvalid")

    def test_a_twin_without_its_model_can_be_read_alone(self, service: Service) -> None:
        service.ask("DELETE", "/models/dtmi:test:office;1")
        service.ask("DELETE", "/models/dtmi:test:room;1")
        assert service.ask("GET", "/digitaltwins/hall")[0] == 200
        change = [{"op": "add", "path": "/area", "value": 1}]
        assert service.ask("PATCH", "/digitaltwins/hall", change) == (400, "ValidationFailed")


class TestTwins:
    @pytest.mark.parametrize(
        "properties",
        [
            {"height": 1},
            {"area": "1"},
            {"area": True},
            {"floor": 1.5},
            {"floor": 2**63},
            {"label": 1},
            {"label": "x" * 4097},
            {"heated": 1},
            {"area": None},
            {"contains": "hall"},
        ],
    )
    def test_a_twin_conforms_to_its_model(self, service: Service, properties: dict[str, Any]) -> None:
        assert put(service, "new", **properties) == (400, "ValidationFailed")

    def test_a_twin_needs_a_model_that_is_there(self, service: Service) -> None:
        for body in ({}, {"$metadata": {}}, {"$metadata": {"$model": "dtmi:test:no;1"}}):
            assert service.ask("PUT", "/digitaltwins/new", body) == (400, "InvalidArgument")

    def test_preconditions(self, service: Service) -> None:
        body = {"$metadata": {"$model": ROOM["@id"]}}
        there = service.ask("PUT", "/digitaltwins/hall", body, if_none_match="*")
        assert there == (412, "PreconditionFailed")
        change = [{"op": "add", "path": "/area", "value": 1}]
        old = service.ask("GET", "/digitaltwins/hall")[1]["$etag"]
        assert service.ask("PATCH", "/digitaltwins/hall", change, if_match=old)[0] == 204
        changed = service.ask("PATCH", "/digitaltwins/hall", change, if_match=old)
        assert changed == (412, "PreconditionFailed")
        assert service.ask("PATCH", "/digitaltwins/hall", change, if_match="*")[0] == 204

    @pytest.mark.parametrize(
        "operation",
        [
            {"op": "replace", "path": "/area", "value": 1},
            {"op": "remove", "path": "/area"},
            {"op": "add", "path": "/area"},
            {"op": "move", "path": "/area", "from": "/floor"},
            {"op": "add", "path": "area", "value": 1},
            {"op": "add", "path": "/$dtId", "value": "x"},
        ],
    )
    def test_patches(self, service: Service, operation: dict[str, Any]) -> None:
        first = {"op": "add", "path": "/label", "value": "x"}
        answer = service.ask("PATCH", "/digitaltwins/hall", [first, operation])
        assert answer == (400, "JsonPatchInvalid")
        assert "label" not in service.ask("GET", "/digitaltwins/hall")[1]

    def test_a_twin_with_relationships_cannot_be_deleted(self, service: Service) -> None:
        assert edge(service, "e1", "office")[0] == 200
        for id_ in ("hall", "office"):
            assert service.ask("DELETE", f"/digitaltwins/{id_}") == (400, "RelationshipsNotDeleted")
        assert service.ask("DELETE", "/digitaltwins/hall/relationships/e1")[0] == 204
        assert service.ask("DELETE", "/digitaltwins/hall")[0] == 204
        assert service.ask("DELETE", "/digitaltwins/hall") == (404, "DigitalTwinNotFound")


class TestRelationships:
    def test_what_cannot_be(self, service: Service) -> None:
        assert edge(service, "e1", "nobody") == (404, "TargetTwinNotFound")
        assert edge(service, "e1", "hall") == (400, "OperationNotAllowed")
        assert edge(service, "e1", "office", "feeds") == (400, "InvalidRelationship")
        assert edge(service, "e1", "office", "area") == (400, "InvalidRelationship")
        assert edge(service, "e1", "office", if_none_match="*")[0] == 200
        assert edge(service, "e1", "office", if_none_match="*") == (412, "PreconditionFailed")
        missing = service.ask("DELETE", "/digitaltwins/hall/relationships/e2")
        assert missing == (404, "RelationshipNotFound")

    def test_pages(self, service: Service) -> None:
        for number in range(3):
            put(service, f"room-{number}")
            edge(service, f"e{number}", f"room-{number}")
        status, first = service.ask("GET", "/digitaltwins/hall/relationships")
        assert (status, len(first["value"])) == (200, 2)
        _, second = service.ask("GET", first["nextLink"].replace(f"&api-version={API_VERSION}", ""))
        assert [each["$relationshipId"] for each in second["value"]] == ["e2"]
        assert "nextLink" not in second
        broken = service.ask("GET", "/digitaltwins/hall/relationships?continuationToken=x")
        assert broken == (400, "BadRequest")


class TestQueries:
    @pytest.mark.parametrize(
        "query",
        [
            "SELECT * FROM DIGITALTWINS ORDER BY $dtId",
            "SELECT * FROM c",
            "SELECT * FROM DIGITALTWINS T WHERE IS_OF_MODEL(D, 'dtmi:test:room;1')",
            "SELECT * FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, 'dtmi:test:none;1')",
            None,
        ],
    )
    def test_what_is_not_known(self, service: Service, query: str | None) -> None:
        assert service.ask("POST", "/query", {"query": query}) == (400, "SqlQueryError")

    def test_of_a_model_and_of_what_extends_it(self, service: Service) -> None:
        body = {"$metadata": {"$model": OFFICE["@id"]}, "area": 2}
        service.ask("PUT", "/digitaltwins/mine", body)

        def found(condition: str) -> list[str]:
            query = f"SELECT * FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, {condition})"
            return [each["$dtId"] for each in service.ask("POST", "/query", {"query": query})[1]["value"]]

        assert found("'dtmi:test:room;1'") == ["hall", "mine", "office"]
        assert found("'dtmi:test:room;1', exact") == ["hall", "office"]
        assert found("'dtmi:test:office;1'") == ["mine"]

    def test_pages(self, service: Service) -> None:
        query: dict[str, Any] = {"query": "SELECT * FROM DIGITALTWINS"}
        _, first = service.ask("POST", "/query", query, **{"max-items-per-page": "1"})
        assert [each["$dtId"] for each in first["value"]] == ["hall"]
        _, second = service.ask("POST", "/query", {"continuationToken": first["continuationToken"]})
        assert [each["$dtId"] for each in second["value"]] == ["office"]
        assert "continuationToken" not in second
        assert service.ask("POST", "/query", {"continuationToken": "x"}) == (400, "BadRequest")

    def test_what_was_written_just_now_is_missed(self) -> None:
        now = 0.0
        instance = Instance(lag_s=10, clock=lambda: now)
        instance.models.add([ROOM])
        instance.put_twin("hall", {"$metadata": {"$model": ROOM["@id"]}}, only_new=True)
        everything = {"query": "SELECT * FROM DIGITALTWINS"}
        assert instance.query(everything, most=9)[0] == []
        now = 10.0
        assert len(instance.query(everything, most=9)[0]) == 1
        instance.delete_twin("hall", etag=None)
        assert len(instance.query(everything, most=9)[0]) == 1
        assert instance.counts()["twins"] == 0
