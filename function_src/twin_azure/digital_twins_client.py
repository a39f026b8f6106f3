"""Azure Digital Twins' data plane, version 2023-10-31 of its REST interface: one method a request.

The official client, azure-digitaltwins-core 1.3.0 (MIT, maintained), makes the same requests. It would bring
a dependency of its own, a tenth of a second to each cold start and waits longer than a function may run, and
hides which answers are expected ones. These are fourteen requests of JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from twin_runtime import jsontext
from twin_runtime.deadlines import Service as Called
from twin_runtime.errors import Refused, Retry
from twin_runtime.wire.http_client import Answer, HttpClient

from .bounds import of_rest
from .failures import retry
from .rest import Service

SCOPE = "https://digitaltwins.azure.net/.default"
API_VERSION = "2023-10-31"
MOST_ITEMS = 100
"""Of a page, by the service's limits."""
MOST_MODELS = 250
"""Of one request, by the service's limits."""
_SERVICE = "Azure Digital Twins"
_TIMEOUT_S = of_rest(Called.GRAPH)
_LONGEST = 4_000_000
"""Bytes of an answer: a page of twins of 32 KB each, which is the largest."""
_PATCH = {"content-type": "application/json-patch+json"}
_NEVER = (400, 413)
_CODE = re.compile(r"[A-Za-z]{1,64}")

Json = dict[str, Any]
Patch = Sequence[Mapping[str, Any]]


class Client:
    """Thread-safe. Raises `Refused` for what the service will never take, else `Retry`."""

    def __init__(self, url: str, credential: Any, http: HttpClient | None = None) -> None:
        self._url = url.rstrip("/")
        self._service = Service(_SERVICE, SCOPE, credential, http)

    def twin(self, id: str) -> Json | None:
        """A twin's document, with its `$etag`; None where there is none."""
        answer = self._ask("GET", _twin(id), expected=(200, 404))
        return _read(answer) if answer.status == 200 else None

    def add_twin(self, id: str, document: Json) -> bool:
        """False where there is one."""
        headers = {"if-none-match": "*"}
        return self._ask("PUT", _twin(id), document, headers, expected=(200, 412)).status == 200

    def patch_twin(self, id: str, patch: Patch, *, etag: str) -> bool:
        """False where it is no longer what it was under `etag`, or no longer there."""
        headers = {**_PATCH, "if-match": etag}
        return self._ask("PATCH", _twin(id), patch, headers, expected=(204, 404, 412)).status == 204

    def delete_twin(self, id: str) -> None:
        """It must have no relationships."""
        self._ask("DELETE", _twin(id), expected=(204, 404))

    def relationships(self, id: str, *, incoming: bool) -> Iterator[Json]:
        """Those of a twin, in no order; none where there is no such twin. One that arrives has no target."""
        return self._pages(_relationships(id, incoming))

    def relationships_page(self, id: str, *, incoming: bool, query: str) -> tuple[list[Json], str]:
        """A page as long as the service likes, and the query of the next; empty for the first, or after the
        last.
        """
        return self._page(_relationships(id, incoming), query)

    def add_relationship(self, source: str, id: str, *, name: str, target: str) -> None:
        """Where there is one of the id, it stays as it is."""
        document = {"$targetId": target, "$relationshipName": name}
        headers = {"if-none-match": "*"}
        self._ask("PUT", _relationship(source, id), document, headers, expected=(200, 412))

    def delete_relationship(self, source: str, id: str) -> None:
        self._ask("DELETE", _relationship(source, id), expected=(204, 404))

    def query(self, text: str, *, cursor: str | None, limit: int) -> tuple[list[Json], str | None]:
        """A page of the result, at most `limit` items, and the token of the next; None after the last.

        What was written within the last seconds may not be found yet.
        """
        specification = {"continuationToken": cursor} if cursor else {"query": text}
        headers = {"max-items-per-page": str(min(limit, MOST_ITEMS))}
        answer = self._ask("POST", "/query", specification, headers)
        page = _read(answer)
        return page["value"], page.get("continuationToken") or None

    def models(self) -> dict[str, bool]:
        """The ids of all models, and whether each is decommissioned."""
        return {model["id"]: bool(model.get("decommissioned")) for model in self._pages("/models")}

    def model(self, id: str) -> Json | None:
        """The definition of a model; None where there is none."""
        answer = self._ask("GET", _model(id), query={"includeModelDefinition": "true"}, expected=(200, 404))
        return _read(answer)["model"] if answer.status == 200 else None

    def add_models(self, definitions: Sequence[Json]) -> None:
        """All or none, at most `MOST_MODELS`, after those that they extend. `Retry` where one is there."""
        self._ask("POST", "/models", definitions, expected=(201,))

    def decommission(self, id: str, *, decommissioned: bool) -> None:
        """Whether twins can be made of a model."""
        patch = [{"op": "replace", "path": "/decommissioned", "value": decommissioned}]
        self._ask("PATCH", _model(id), patch, _PATCH, expected=(204, 404))

    def delete_model(self, id: str) -> None:
        """No other may extend it."""
        self._ask("DELETE", _model(id), expected=(204, 404))

    def _pages(self, path: str) -> Iterator[Json]:
        query = ""
        while True:
            page, query = self._page(path, query)
            yield from page
            if not query:
                return

    def _page(self, path: str, query: str) -> tuple[list[Json], str]:
        asked = dict(parse_qsl(query, keep_blank_values=True))
        answer = self._ask("GET", path, query=asked, expected=(200, 404))
        if answer.status == 404:
            return [], ""
        page = _read(answer)
        # Of the link to the next page the query alone: the token goes nowhere else.
        return page["value"], urlsplit(page.get("nextLink") or "").query

    def _ask(
        self,
        method: str,
        path: str,
        payload: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        expected: tuple[int, ...] = (200,),
    ) -> Answer:
        asked = urlencode({**(query or {}), "api-version": API_VERSION})
        answer = self._service.request(
            method,
            f"{self._url}{path}?{asked}",
            payload,
            headers,
            timeout=_TIMEOUT_S,
            longest_answer=_LONGEST,
        )
        if answer.status in expected:
            return answer
        if answer.status in _NEVER:
            raise Refused(f"{_SERVICE} refuses the request ({answer.status}{_code(answer)}).")
        raise retry(_SERVICE, answer.status, answer.headers)


def _twin(id: str) -> str:
    return f"/digitaltwins/{quote(id, safe='')}"


def _relationship(source: str, id: str) -> str:
    return f"{_twin(source)}/relationships/{quote(id, safe='')}"


def _relationships(id: str, incoming: bool) -> str:
    return f"{_twin(id)}/{'incomingrelationships' if incoming else 'relationships'}"


def _model(id: str) -> str:
    return f"/models/{quote(id, safe='')}"


def _read(answer: Answer) -> Any:
    try:
        return jsontext.loads(answer.body, max_bytes=_LONGEST)
    except jsontext.Malformed:
        raise Retry(f"{_SERVICE}' answer was not understood.") from None


def _code(answer: Answer) -> str:
    """The service's own code, such as ValidationFailed: the message may hold a payload."""
    code = answer.headers.get("x-ms-error-code", "")
    return f", {code}" if _CODE.fullmatch(code) else ""
