"""The twin graph, in Azure Digital Twins.

A twin's document has `name`, `time` and `digest`, and each property and metric under the name that its model
gives it (see `dtdl`). A relationship's id is made of its name and target, so that writing it twice is writing
it once; what has another id is somebody else's, and is left alone.

The graph's mark is the digest of one more twin, of the first level's model, with an id that no other has.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from twin_runtime.errors import Refused, Retry, Throttled
from twin_runtime.model import Twin
from twin_runtime.ports import GraphTwin, Relationship

from . import dtdl
from . import twin_documents as documents
from .digital_twins_client import MOST_ITEMS, Client, Json
from .dtdl import DIGEST, NAME, TIME, Interface
from .twin_models import Models

MARK = "twinspan.graph"
_TRIES = 4


class DigitalTwins:
    """`twin_runtime.ports.GraphWriter`. Thread-safe."""

    def __init__(self, client: Client, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._models = Models(client, prefix)
        self._lock = threading.Lock()
        self._made_of: dict[str, Interface] = {}
        """The model of each twin whose values were set, by id."""

    @classmethod
    def at(cls, url: str, credential: Any, twin: Twin) -> DigitalTwins:
        """The graph in the instance `https://<host>`."""
        return cls(Client(url, credential), dtdl.prefix(twin.name))

    def prepare(self, twin: Twin) -> None:
        self._models.keep(twin, self._move)

    def mark(self) -> str:
        document = self._client.twin(MARK)
        return str(document.get(DIGEST, "")) if document else ""

    def set_mark(self, text: str) -> None:
        self._models.need_base()
        base = dtdl.base_id(self._prefix)
        self._write(MARK, lambda _: {**documents.of_model(base), DIGEST: text})

    def twins(
        self, *, type: str | None, cursor: str | None, limit: int
    ) -> tuple[Sequence[GraphTwin], str | None]:
        page, following = self._page(type, cursor, limit)
        return [twin for each in page if (twin := self._read(each)) is not None], following

    def twin(self, id: str) -> GraphTwin | None:
        document = self._client.twin(id)
        return self._read(document) if document else None

    def digests(self) -> Iterator[tuple[str, str]]:
        cursor = None
        while True:
            page, cursor = self._page(None, cursor, MOST_ITEMS)
            for document in page:
                if dtdl.is_revision(self._prefix, documents.model_of(document)):
                    yield document["$dtId"], str(document.get(DIGEST, ""))
            if cursor is None:
                return

    def put_twin(self, twin: GraphTwin, *, digest: str) -> None:
        target = self._models.current(twin.type)
        own = {NAME: twin.name, DIGEST: digest}
        properties = {target.properties[name].name: value for name, value in twin.properties.items()}
        self._write(twin.id, lambda there: {**self._measured(there, target), **own, **properties}, target)

    def delete_twin(self, id: str) -> None:
        # A twin that has relationships, of whomever, cannot be deleted.
        for each in list(self._client.relationships(id, incoming=False)):
            self._client.delete_relationship(id, each["$relationshipId"])
        for each in list(self._client.relationships(id, incoming=True)):
            self._client.delete_relationship(each["$sourceId"], each["$relationshipId"])
        self._client.delete_twin(id)
        with self._lock:
            self._made_of.pop(id, None)

    def relationships(
        self, id: str, *, incoming: bool, cursor: str | None, limit: int
    ) -> tuple[Sequence[Relationship], str | None]:
        # The service says how long a page is: the cursor is where to go on in which.
        skip, query = documents.place(cursor)
        page, following = self._client.relationships_page(id, incoming=incoming, query=query)
        part = page[skip : skip + limit]
        edges = [edge for each in part if (edge := documents.edge(id, each)) is not None]
        if skip + limit < len(page):
            return edges, documents.cursor(skip + limit, query)
        return edges, documents.cursor(0, following) if following else None

    def put_relationships(self, id: str, edges: Sequence[Relationship], *, digest: str) -> None:
        wanted = {documents.edge_id(edge.name, edge.target): edge for edge in edges}
        for each in list(self._client.relationships(id, incoming=False)):
            if wanted.pop(each["$relationshipId"], None) is None and documents.edge(id, each) is not None:
                self._client.delete_relationship(id, each["$relationshipId"])
        for edge_id, edge in wanted.items():
            self._client.add_relationship(id, edge_id, name=dtdl.relationship(edge.name), target=edge.target)
        if not self._client.patch_twin(id, [documents.add(DIGEST, digest)], etag="*"):
            raise Retry("The twin is not there yet.")

    def set_values(self, id: str, values: Mapping[str, Any], time: str) -> None:
        with self._lock:
            known = self._made_of.get(id)
        if known is None or not self._patch_values(id, known, values, time):
            document = self._client.twin(id)
            known = self._models.interface(documents.model_of(document)) if document else None
            if known is None:
                raise Refused("There is no such twin in the graph.")
            if not self._patch_values(id, known, values, time, sure=True):
                raise Retry("The twin is not yet of a model that has all its metrics.")
            with self._lock:
                self._made_of[id] = known

    def replace_values(self, id: str, values: Mapping[str, Any], time: str | None) -> None:
        def replaced(there: Json) -> Json | None:
            made_of = self._models.interface(documents.model_of(there)) if there else None
            if made_of is None:
                return None
            measured = {each.name for each in made_of.metrics.values()} | {TIME}
            kept = {name: value for name, value in there.items() if name not in measured}
            new = {
                made_of.metrics[name].name: value for name, value in values.items() if name in made_of.metrics
            }
            return {**kept, **new} if time is None else {**kept, **new, TIME: time}

        self._write(id, replaced)

    def _patch_values(
        self, id: str, made_of: Interface, values: Mapping[str, Any], time: str, *, sure: bool = False
    ) -> bool:
        """False where the twin is not, or not any more, of a model that has the metrics."""
        if values.keys() - made_of.metrics.keys():
            return False
        patch = [documents.add(made_of.metrics[name].name, value) for name, value in values.items()]
        try:
            return self._client.patch_twin(id, [*patch, documents.add(TIME, time)], etag="*")
        except Refused:
            if sure:
                raise
            return False

    def _page(self, type: str | None, cursor: str | None, limit: int) -> tuple[list[Json], str | None]:
        model = dtdl.base_id(self._prefix) if type is None else dtdl.type_id(self._prefix, type)
        known = type is None or dtdl.type_of(self._prefix, model) is not None
        if not known or not self._models.has(model):
            return [], None
        return self._client.query(dtdl.query(model), cursor=cursor, limit=limit)

    def _read(self, document: Json) -> GraphTwin | None:
        """None for what is not of ours, such as the mark."""
        made_of = self._models.interface(documents.model_of(document))
        if made_of is None:
            return None
        given = {
            name: each.value(document[each.name])
            for name, each in made_of.properties.items()
            if each.name in document
        }
        values = {
            name: each.value(document[each.name])
            for name, each in made_of.metrics.items()
            if each.name in document
        }
        name = str(document.get(NAME, ""))
        return GraphTwin(document["$dtId"], made_of.type, name, given, values, document.get(TIME))

    def _measured(self, there: Json, target: Interface) -> Json:
        """The model, and of a twin that is there the values that the model can hold as well."""
        source = self._models.interface(documents.model_of(there))
        kept = {TIME: there[TIME]} if TIME in there else {}
        for name, content in target.metrics.items():
            old = source.metrics.get(name) if source else None
            if old is not None and old.schema == content.schema and old.name in there:
                kept[content.name] = there[old.name]
        return {**documents.of_model(target.id), **kept}

    def _move(self, id: str, target: Interface) -> None:
        def moved(there: Json) -> Json | None:
            if not there:
                return None
            source = self._models.interface(documents.model_of(there))
            kept = {name: there[name] for name in (NAME, DIGEST) if name in there}
            for name, content in target.properties.items():
                old = source.properties.get(name) if source else None
                if old is not None and old.schema == content.schema and old.name in there:
                    kept[content.name] = there[old.name]
            return {**self._measured(there, target), **kept}

        self._write(id, moved, target)
        with self._lock:
            self._made_of.pop(id, None)

    def _write(self, id: str, wanted: Callable[[Json], Json | None], target: Interface | None = None) -> None:
        """Make a twin's document what `wanted` makes of the one that is there, an empty one where none is;
        None leaves it as it is. `target` is its model where that is a revision.
        """
        for _ in range(_TRIES):
            there = self._client.twin(id)
            document = wanted(there or {})
            if document is None:
                return
            if there is None:
                if self._client.add_twin(id, document):
                    return
                continue
            if target is not None and documents.model_of(there) != target.id:
                self._drop_edges(id, target)
            patch = documents.difference(there, document)
            if not patch or self._client.patch_twin(id, patch, etag=there["$etag"]):
                return
        raise Throttled("The twin is written by others at the same time.")

    def _drop_edges(self, id: str, target: Interface) -> None:
        """Delete the edges that a model does not have."""
        for each in list(self._client.relationships(id, incoming=False)):
            if each["$relationshipName"] not in target.relationships and documents.edge(id, each) is not None:
                self._client.delete_relationship(id, each["$relationshipId"])
