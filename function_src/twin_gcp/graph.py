"""The twin graph, in a Firestore database of its own.

    twins/<key>            key, id, type, name, properties, values, time, digest
    relationships/<key>    key, source, name, target
    graph/mark             text

A key is a document's own id, and is made of what the document is about, so that writing it twice is writing
it once; pages are in its order.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote

from google.api_core import exceptions
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter
from google.cloud.firestore_v1.field_path import FieldPath

from twin_runtime.errors import Refused, Retry
from twin_runtime.model import Twin
from twin_runtime.ports import GraphTwin, Relationship

from .firestore_calls import call, failure

TWINS, RELATIONSHIPS, GRAPH = "twins", "relationships", "graph"
"""Collections; also in twinspan.gcp.twin_management, which is not deployed."""
MARK = "mark"
_CURSOR = "after:"
_WRITES = 400
"""Of a commit, which may have 500."""
_PAGE = 500


class FirestoreGraph:
    """`ports.GraphWriter`. Thread-safe."""

    def __init__(self, client: firestore.Client) -> None:
        self._client = client
        self._twins = client.collection(TWINS)
        self._edges = client.collection(RELATIONSHIPS)
        self._mark = client.collection(GRAPH).document(MARK)

    def prepare(self, twin: Twin) -> None:
        """Nothing: a database has no models."""

    def mark(self) -> str:
        return str(self._get(self._mark).get("text", ""))

    def set_mark(self, text: str) -> None:
        with _calling():
            self._mark.set({"text": text}, **call())

    def twins(
        self, *, type: str | None, cursor: str | None, limit: int
    ) -> tuple[Sequence[GraphTwin], str | None]:
        query = self._twins if type is None else self._twins.where(filter=FieldFilter("type", "==", type))
        found, following = self._page(query, cursor, limit)
        return [_twin(document) for document in found], following

    def twin(self, id: str) -> GraphTwin | None:
        document = self._get(self._twin(id))
        return _twin(document) if document else None

    def relationships(
        self, id: str, *, incoming: bool, cursor: str | None, limit: int
    ) -> tuple[Sequence[Relationship], str | None]:
        found, following = self._page(self._of(id, incoming), cursor, limit)
        return [Relationship(each["source"], each["name"], each["target"]) for each in found], following

    def digests(self) -> Iterator[tuple[str, str]]:
        query, cursor = self._twins.select(["key", "id", "digest"]), None
        while True:
            found, cursor = self._page(query, cursor, _PAGE)
            yield from ((each["id"], each["digest"]) for each in found)
            if cursor is None:
                return

    def put_twin(self, twin: GraphTwin, *, digest: str) -> None:
        document = {
            "key": _encoded(twin.id),
            "id": twin.id,
            "type": twin.type,
            "name": twin.name,
            "properties": dict(twin.properties),
            "digest": digest,
        }
        # The annotation of the client knows no list, its documentation does.
        named: Any = list(document)
        with _calling():
            self._twin(twin.id).set(document, merge=named, **call())

    def put_relationships(self, id: str, edges: Sequence[Relationship], *, digest: str) -> None:
        wanted = {_edge_id(edge): edge for edge in edges}
        there = {document.id for document in self._stream(self._of(id, incoming=False))}
        writes: list[_Write] = [_deletion(self._edges.document(each)) for each in there - wanted.keys()]
        writes += [
            _creation(self._edges.document(edge_id), edge)
            for edge_id, edge in wanted.items()
            if edge_id not in there
        ]
        # The digest comes last, so that a run which ended in between begins again.
        writes.append(lambda batch: batch.update(self._twin(id), {"digest": digest}))
        try:
            self._commit(writes)
        except Refused:
            raise Retry("The twin is not there yet.") from None

    def delete_twin(self, id: str) -> None:
        both = (self._of(id, incoming=False), self._of(id, incoming=True))
        edges = {document.reference for query in both for document in self._stream(query)}
        self._commit([_deletion(each) for each in (*edges, self._twin(id))])

    def set_values(self, id: str, values: Mapping[str, Any], time: str) -> None:
        changed = {FieldPath("values", name).to_api_repr(): value for name, value in values.items()}
        self._commit([lambda batch: batch.update(self._twin(id), {**changed, "time": time})])

    def replace_values(self, id: str, values: Mapping[str, Any], time: str | None) -> None:
        with suppress(Refused):
            self._commit([lambda batch: batch.update(self._twin(id), {"values": dict(values), "time": time})])

    def _twin(self, id: str) -> firestore.DocumentReference:
        return self._twins.document(_encoded(id))

    def _of(self, id: str, incoming: bool) -> Any:
        return self._edges.where(filter=FieldFilter("target" if incoming else "source", "==", id))

    def _get(self, reference: firestore.DocumentReference) -> Mapping[str, Any]:
        """Empty where there is none."""
        with _calling():
            return reference.get(**call()).to_dict() or {}

    def _stream(self, query: Any) -> list[Any]:
        with _calling():
            return list(query.stream(**call()))

    def _page(self, query: Any, cursor: str | None, limit: int) -> tuple[list[dict[str, Any]], str | None]:
        """The cursor holds the key of the last document."""
        if cursor is not None:
            query = query.where(filter=FieldFilter("key", ">", _key(cursor)))
        found = [each.to_dict() for each in self._stream(query.order_by("key").limit(limit))]
        return found, _cursor(found[-1]["key"]) if len(found) == limit else None

    def _commit(self, writes: Sequence[_Write]) -> None:
        """Raises `Refused` where a document that is updated is not there."""
        for start in range(0, len(writes), _WRITES):
            batch = self._client.batch()
            for write in writes[start : start + _WRITES]:
                write(batch)
            with _calling():
                try:
                    batch.commit(**call())
                except exceptions.NotFound:
                    raise Refused("There is no such twin in the graph.") from None


_Write = Callable[[firestore.WriteBatch], Any]


def _deletion(reference: firestore.DocumentReference) -> _Write:
    return lambda batch: batch.delete(reference)


def _creation(reference: firestore.DocumentReference, edge: Relationship) -> _Write:
    document = {"key": reference.id, "source": edge.source, "name": edge.name, "target": edge.target}
    return lambda batch: batch.set(reference, document)


@contextmanager
def _calling() -> Iterator[None]:
    try:
        yield
    except exceptions.InvalidArgument as error:
        raise Refused("Firestore refuses the request.") from error
    except exceptions.GoogleAPIError as error:
        raise failure(error) from error


def _twin(document: Mapping[str, Any]) -> GraphTwin:
    return GraphTwin(
        document["id"],
        document["type"],
        document["name"],
        document["properties"],
        document.get("values", {}),
        document.get("time"),
    )


def _edge_id(edge: Relationship) -> str:
    return "|".join(_encoded(part) for part in (edge.source, edge.name, edge.target))


def _cursor(key: str) -> str:
    return urlsafe_b64encode(f"{_CURSOR}{key}".encode("ascii")).decode("ascii")


def _key(cursor: str) -> str:
    """Raises `Refused`."""
    try:
        text = urlsafe_b64decode(cursor.encode("ascii")).decode("ascii")
    except ValueError:
        text = ""
    if not text.startswith(_CURSOR):
        raise Refused("The cursor is not one of this graph.")
    return text.removeprefix(_CURSOR)


def _encoded(id: str) -> str:
    """Never `.`, `..` or `__…__`, which Firestore does not take."""
    text = quote(id, safe=":-_").replace(".", "%2E")
    return f"%5F{text[1:]}" if text.startswith("__") else text
