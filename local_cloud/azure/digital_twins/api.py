"""The instance over HTTP, with the service's paths, headers and answers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from local_cloud.azure.digital_twins.errors import Refusal
from local_cloud.azure.digital_twins.instance import MOST_ITEMS, Instance, page_of
from local_cloud.azure.digital_twins.models import Model
from local_cloud.azure.tokens import Tokens
from local_cloud.web import Answer, Request, json_answer

RESOURCE = "https://digitaltwins.azure.net"
API_VERSION = "2023-10-31"
LONGEST_BODY = 32 * 1024
LONGEST_MODELS = 1024 * 1024
OWNER, READER = "Azure Digital Twins Data Owner", "Azure Digital Twins Data Reader"
_JSON, _PATCH = "application/json", "application/json-patch+json"

_ROUTES: list[tuple[str, re.Pattern[str], str]] = [
    (method, re.compile(pattern), name)
    for method, pattern, name in (
        ("POST", "/models", "_add_models"),
        ("GET", "/models", "_list_models"),
        ("GET", "/models/([^/]+)", "_get_model"),
        ("PATCH", "/models/([^/]+)", "_patch_model"),
        ("DELETE", "/models/([^/]+)", "_delete_model"),
        ("POST", "/query", "_query"),
        ("GET", "/digitaltwins/([^/]+)", "_get_twin"),
        ("PUT", "/digitaltwins/([^/]+)", "_put_twin"),
        ("PATCH", "/digitaltwins/([^/]+)", "_patch_twin"),
        ("DELETE", "/digitaltwins/([^/]+)", "_delete_twin"),
        ("PUT", "/digitaltwins/([^/]+)/relationships/([^/]+)", "_put_relationship"),
        ("DELETE", "/digitaltwins/([^/]+)/relationships/([^/]+)", "_delete_relationship"),
        ("GET", "/digitaltwins/([^/]+)/relationships", "_relationships"),
        ("GET", "/digitaltwins/([^/]+)/incomingrelationships", "_incoming"),
    )
]


class Api:
    """Who may do what is said by `roles`: a principal's role on the instance."""

    def __init__(self, tokens: Tokens, roles: Mapping[str, str], instance: Instance) -> None:
        self._tokens = tokens
        self._roles = roles
        self._instance = instance

    def __call__(self, request: Request) -> Answer:
        try:
            return self._answer(request)
        except Refusal as refusal:
            error = {"error": {"code": refusal.code, "message": refusal.message}}
            return json_answer(refusal.status, error, {"x-ms-error-code": refusal.code})

    def _answer(self, request: Request) -> Answer:
        self._authorise(request)
        if request.query.get("api-version") != API_VERSION:
            raise Refusal(400, "InvalidArgument", f"The api-version must be {API_VERSION} here.")
        # Taken apart before it is decoded: an id may hold an encoded '/'.
        path = urlsplit(request.url).path
        for method, pattern, name in _ROUTES:
            found = pattern.fullmatch(path)
            if found and method == request.method:
                return getattr(self, name)(request, [unquote(part) for part in found.groups()])
        raise Refusal(404, "NotFound", "There is no such operation.")

    def _authorise(self, request: Request) -> None:
        claims = self._tokens.claims(request.headers.get("authorization"))
        if claims is None or claims["aud"] != RESOURCE:
            raise Refusal(401, "AuthenticationFailed", f"A token for {RESOURCE} is needed.")
        role = self._roles.get(claims["oid"])
        reads = request.method == "GET" or request.url.partition("?")[0].endswith("/query")
        if role != OWNER and not (role == READER and reads):
            raise Refusal(403, "AuthorizationFailed", f"{claims['oid']} has no role that allows this.")

    def _add_models(self, request: Request, _: list[str]) -> Answer:
        body = _body(request, _JSON, LONGEST_MODELS)
        return json_answer(201, [_data(model) for model in self._instance.models.add(body)])

    def _list_models(self, request: Request, _: list[str]) -> Answer:
        known = [_data(model) for model in self._instance.models.known.values()]
        token = request.query.get("continuationToken")
        return _paged(request, *page_of(known, token, _most(request)))

    def _get_model(self, request: Request, ids: list[str]) -> Answer:
        model = self._instance.models.get(ids[0])
        whole = request.query.get("includeModelDefinition", "false").lower() == "true"
        return json_answer(200, {**_data(model), **({"model": model.definition} if whole else {})})

    def _patch_model(self, request: Request, ids: list[str]) -> Answer:
        patch = _body(request, _PATCH, LONGEST_BODY)
        model = self._instance.models.get(ids[0])
        (operation,) = patch if isinstance(patch, list) and len(patch) == 1 else ({},)
        value = operation.get("value")
        expected = {"op": "replace", "path": "/decommissioned", "value": value}
        if operation != expected or not isinstance(value, bool):
            raise Refusal(400, "JsonPatchInvalid", "Only the decommissioned property can be replaced.")
        model.decommissioned = value
        return Answer(204)

    def _delete_model(self, _: Request, ids: list[str]) -> Answer:
        self._instance.models.delete(ids[0])
        return Answer(204)

    def _query(self, request: Request, _: list[str]) -> Answer:
        page, following = self._instance.query(_body(request, _JSON, LONGEST_BODY), most=_most(request))
        token = {"continuationToken": following} if following else {}
        return json_answer(200, {"value": page, **token}, {"query-charge": "1"})

    def _get_twin(self, _: Request, ids: list[str]) -> Answer:
        return _tagged(200, self._instance.twin(ids[0]))

    def _put_twin(self, request: Request, ids: list[str]) -> Answer:
        body = _body(request, _JSON, LONGEST_BODY)
        return _tagged(200, self._instance.put_twin(ids[0], body, only_new=_only_new(request)))

    def _patch_twin(self, request: Request, ids: list[str]) -> Answer:
        patch = _body(request, _PATCH, LONGEST_BODY)
        document = self._instance.patch_twin(ids[0], patch, etag=request.headers.get("if-match"))
        return Answer(204, headers={"etag": document["$etag"]})

    def _delete_twin(self, request: Request, ids: list[str]) -> Answer:
        self._instance.delete_twin(ids[0], etag=request.headers.get("if-match"))
        return Answer(204)

    def _put_relationship(self, request: Request, ids: list[str]) -> Answer:
        body = _body(request, _JSON, LONGEST_BODY)
        source, id_ = ids
        made = self._instance.put_relationship(source, id_, body, only_new=_only_new(request))
        return _tagged(200, made)

    def _delete_relationship(self, _: Request, ids: list[str]) -> Answer:
        self._instance.delete_relationship(*ids)
        return Answer(204)

    def _relationships(self, request: Request, ids: list[str]) -> Answer:
        return self._edges(request, ids[0], incoming=False)

    def _incoming(self, request: Request, ids: list[str]) -> Answer:
        return self._edges(request, ids[0], incoming=True)

    def _edges(self, request: Request, id_: str, *, incoming: bool) -> Answer:
        token = request.query.get("continuationToken")
        return _paged(request, *self._instance.relationships(id_, incoming=incoming, token=token))


def _body(request: Request, kind: str, longest: int) -> Any:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != kind:
        raise Refusal(415, "UnsupportedMediaType", f"The body must be {kind}.")
    if len(request.body) > longest:
        raise Refusal(413, "PayloadTooLarge", f"The body may have {longest} bytes.")
    try:
        return json.loads(request.body)
    except ValueError:
        raise Refusal(400, "InvalidArgument", "The body is not JSON.") from None


def _most(request: Request) -> int:
    text = request.headers.get("max-items-per-page", str(MOST_ITEMS))
    if not text.isdecimal() or not 1 <= int(text) <= MOST_ITEMS:
        raise Refusal(400, "InvalidArgument", f"max-items-per-page must be 1 to {MOST_ITEMS}.")
    return int(text)


def _only_new(request: Request) -> bool:
    wanted = request.headers.get("if-none-match")
    if wanted not in (None, "*"):
        raise Refusal(400, "InvalidArgument", "If-None-Match may be * alone.")
    return wanted == "*"


def _data(model: Model) -> dict[str, Any]:
    return {"id": model.id, "decommissioned": model.decommissioned, "displayName": {}, "description": {}}


def _tagged(status: int, document: Mapping[str, Any]) -> Answer:
    return json_answer(status, document, {"etag": document["$etag"]})


def _paged(request: Request, page: list[Any], following: str | None) -> Answer:
    path = quote(request.path)
    query = urlencode({"continuationToken": following, "api-version": API_VERSION})
    return json_answer(200, {"value": page, **({"nextLink": f"{path}?{query}"} if following else {})})
