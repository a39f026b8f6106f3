"""One instance: its models, twins and relationships, and the operations on them."""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local_cloud.azure.digital_twins import documents
from local_cloud.azure.digital_twins.documents import Document
from local_cloud.azure.digital_twins.errors import Refusal
from local_cloud.azure.digital_twins.models import Models

MOST_ITEMS = 100
_ID = re.compile(r"[A-Za-z0-9.:_-]{1,128}")
_QUERY = re.compile(
    r"SELECT \* FROM DIGITALTWINS(?: (?P<alias>[A-Za-z]+))?"
    r"(?: WHERE IS_OF_MODEL\((?:(?P<of>[A-Za-z]+), ?)?'(?P<model>dtmi:[^'\\]+)'(?P<exact>, ?exact)?\))?",
    re.IGNORECASE,
)
RELATIONSHIP = frozenset(("$targetId", "$relationshipName", "$relationshipId", "$sourceId"))


@dataclass
class Twin:
    model: str
    contents: Document
    etag: str = field(default_factory=lambda: f'W/"{uuid.uuid4()}"')
    updated: str = field(default_factory=lambda: datetime.now(UTC).isoformat().replace("+00:00", "Z"))
    edges: dict[str, Document] = field(default_factory=dict[str, Document])

    def document(self, id_: str) -> Document:
        times = {name: {"lastUpdateTime": self.updated} for name in self.contents}
        metadata = {"$model": self.model, **times}
        return {"$dtId": id_, "$etag": self.etag, **self.contents, "$metadata": metadata}


class Instance:
    """`lag_s`: how long a query misses what was written, as it does up to ten seconds in the service. `page`
    is how many relationships a page has. Thread-safe.
    """

    def __init__(
        self, *, lag_s: float = 0.0, page: int = MOST_ITEMS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.models = Models()
        self._twins: dict[str, Twin] = {}
        self._lag_s = lag_s
        self._page = page
        self._clock = clock
        self._lock = threading.RLock()
        self._found: dict[str, Document] = {}
        """What queries see."""
        self._written: deque[tuple[float, str, Document | None]] = deque()

    def twin(self, id_: str) -> Document:
        with self._lock:
            return self._get(id_).document(id_)

    def put_twin(self, id_: str, body: Any, *, only_new: bool) -> Document:
        if not _ID.fullmatch(id_):
            raise Refusal(400, "InvalidArgument", f"{id_!r} cannot be the id of a twin.")
        with self._lock:
            model, contents = documents.read(body, self.models)
            if only_new and id_ in self._twins:
                raise Refusal(412, "PreconditionFailed", f"{id_} is already there.")
            if self.models.known[model].decommissioned:
                raise Refusal(400, "ModelDecommissioned", f"{model} is decommissioned.")
            edges = self._twins[id_].edges if id_ in self._twins else {}
            return self._keep(id_, Twin(model, contents, edges=edges))

    def patch_twin(self, id_: str, patch: Any, *, etag: str | None) -> Document:
        with self._lock:
            twin = self._get(id_)
            _match(twin.etag, etag)
            model, contents = documents.patched(twin.model, twin.contents, patch, self.models)
            if model != twin.model and self.models.known[model].decommissioned:
                raise Refusal(400, "ModelDecommissioned", f"{model} is decommissioned.")
            return self._keep(id_, Twin(model, contents, edges=twin.edges))

    def delete_twin(self, id_: str, *, etag: str | None) -> None:
        with self._lock:
            twin = self._get(id_)
            _match(twin.etag, etag)
            if twin.edges or any(True for _ in self._arriving(id_)):
                raise Refusal(400, "RelationshipsNotDeleted", f"{id_} has relationships.")
            del self._twins[id_]
            self._written.append((self._clock(), id_, None))

    def put_relationship(self, source: str, id_: str, body: Any, *, only_new: bool) -> Document:
        if not _ID.fullmatch(id_):
            raise Refusal(400, "InvalidArgument", f"{id_!r} cannot be the id of a relationship.")
        with self._lock:
            twin = self._get(source)
            target = body.get("$targetId") if isinstance(body, dict) else None
            name = body.get("$relationshipName") if isinstance(body, dict) else None
            if not isinstance(target, str) or not isinstance(name, str) or body.keys() - RELATIONSHIP:
                raise Refusal(400, "InvalidArgument", "A relationship has $targetId and $relationshipName.")
            if only_new and id_ in twin.edges:
                raise Refusal(412, "PreconditionFailed", f"{id_} is already there.")
            if target == source:
                raise Refusal(400, "OperationNotAllowed", "A relationship cannot go from a twin to itself.")
            if target not in self._twins:
                raise Refusal(404, "TargetTwinNotFound", f"{target} is not there.")
            declared = self.models.contents(twin.model) if twin.model in self.models.known else {}
            if declared.get(name, {}).get("@type") != "Relationship":
                raise Refusal(400, "InvalidRelationship", f"{twin.model} has no relationship {name}.")
            twin.edges[id_] = {
                "$relationshipId": id_,
                "$etag": f'W/"{uuid.uuid4()}"',
                "$sourceId": source,
                "$relationshipName": name,
                "$targetId": target,
            }
            return twin.edges[id_]

    def delete_relationship(self, source: str, id_: str) -> None:
        with self._lock:
            twin = self._get(source)
            if id_ not in twin.edges:
                raise Refusal(404, "RelationshipNotFound", f"{id_} is not there.")
            del twin.edges[id_]

    def relationships(
        self, id_: str, *, incoming: bool, token: str | None
    ) -> tuple[list[Document], str | None]:
        """A page, and the token of the next."""
        with self._lock:
            edges = self._arriving(id_) if incoming else list(self._get(id_).edges.values())
            self._get(id_)
        return page_of(edges, token, self._page)

    def query(self, specification: Any, *, most: int) -> tuple[list[Document], str | None]:
        if not isinstance(specification, dict) or specification.keys() - {"query", "continuationToken"}:
            raise Refusal(400, "BadRequest", "A query is an object with query or continuationToken.")
        token = specification.get("continuationToken")
        state = _token(token) if token is not None else {"query": specification.get("query"), "after": ""}
        found = _QUERY.fullmatch(str(state.get("query")))
        if found is None or (found["of"] is not None and found["alias"] != found["of"]):
            raise Refusal(400, "SqlQueryError", "The query is not one that is known here.")
        with self._lock:
            self._catch_up()
            if found["model"] is not None and found["model"] not in self.models.known:
                raise Refusal(400, "SqlQueryError", f"{found['model']} is not there.")
            matching = [
                document
                for id_, document in sorted(self._found.items())
                if id_ > state["after"] and self._is_of(document, found["model"], bool(found["exact"]))
            ]
        page = matching[:most]
        following = {"query": state["query"], "after": page[-1]["$dtId"]} if len(matching) > most else None
        return page, _made(following) if following else None

    def counts(self) -> dict[str, int]:
        with self._lock:
            edges = sum(len(twin.edges) for twin in self._twins.values())
            return {"twins": len(self._twins), "relationships": edges, "models": len(self.models.known)}

    def _get(self, id_: str) -> Twin:
        if id_ not in self._twins:
            raise Refusal(404, "DigitalTwinNotFound", f"{id_} is not there.")
        return self._twins[id_]

    def _keep(self, id_: str, twin: Twin) -> Document:
        self._twins[id_] = twin
        self._written.append((self._clock(), id_, twin.document(id_)))
        return twin.document(id_)

    def _arriving(self, id_: str) -> list[Document]:
        return [
            {
                "$relationshipId": edge["$relationshipId"],
                "$sourceId": source,
                "$relationshipName": edge["$relationshipName"],
                "$relationshipLink": f"/digitaltwins/{source}/relationships/{edge['$relationshipId']}",
            }
            for source, twin in self._twins.items()
            for edge in twin.edges.values()
            if edge["$targetId"] == id_
        ]

    def _catch_up(self) -> None:
        until = self._clock() - self._lag_s
        while self._written and self._written[0][0] <= until:
            _, id_, document = self._written.popleft()
            if document is None:
                self._found.pop(id_, None)
            else:
                self._found[id_] = document

    def _is_of(self, document: Mapping[str, Any], model: str | None, exact: bool) -> bool:
        own = document["$metadata"]["$model"]
        if model is None or own == model:
            return True
        if exact or own not in self.models.known:
            return False
        return any(each.id == model for each in self.models.lineage(own))


def page_of(items: list[Any], token: str | None, most: int) -> tuple[list[Any], str | None]:
    """The page of a list that a token stands for, and the token of the next."""
    start = _token(token)["after"] if token else 0
    end = start + most
    return items[start:end], _made({"after": end}) if end < len(items) else None


def _match(etag: str, wanted: str | None) -> None:
    if wanted not in (None, "*", etag):
        raise Refusal(412, "PreconditionFailed", "The twin has changed.")


def _made(state: Mapping[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(state).encode()).decode()


def _token(token: Any) -> dict[str, Any]:
    try:
        state = json.loads(urlsafe_b64decode(token))
        return {**state, "after": state["after"]}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise Refusal(400, "BadRequest", "The continuation token is invalid.") from None
