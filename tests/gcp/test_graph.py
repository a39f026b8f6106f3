"""The twin graph in Firestore: the contract on an emulator, and what an emulator does not check."""

from __future__ import annotations

from typing import Any

import pytest

from contract.graph_contract import GraphContract
from support.graphs import GRAPH_TWIN
from support.servers import free_port
from twin_runtime.deadlines import Bounds
from twin_runtime.errors import Refused, Retry
from twin_runtime.ports import GraphTwin, Relationship

firestore = pytest.importorskip("google.cloud.firestore", reason="google-cloud-firestore is not installed")

from twin_gcp import firestore_calls  # noqa: E402
from twin_gcp import graph as module  # noqa: E402
from twin_gcp.cloud import Endpoints, GcpCloud  # noqa: E402
from twin_gcp.graph import FirestoreGraph  # noqa: E402
from twinspan.gcp import twin_management  # noqa: E402


@pytest.mark.servers
class TestFirestoreGraph(GraphContract):
    made = 0
    large = 2**53 - 1  # the emulator counts in floats

    @pytest.fixture
    def graph(self, firestore_host: str, monkeypatch: pytest.MonkeyPatch) -> FirestoreGraph:
        """Each in a database of its own."""
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_host)
        TestFirestoreGraph.made += 1
        address = f"projects/my-project/databases/graph-{TestFirestoreGraph.made}"
        return GcpCloud(endpoints=Endpoints()).graph(address, GRAPH_TWIN)

    @pytest.mark.parametrize("id_", ["a/b", ".", "..", "__x__", "a.b|c", "%2F", "é"])
    def test_every_id_is_a_document_s(self, graph: FirestoreGraph, id_: str) -> None:
        for each in (id_, "other"):
            graph.put_twin(GraphTwin(each, "room", each), digest="d")
        edges = [Relationship(id_, "contains", "other")]
        graph.put_relationships(id_, edges, digest="e")
        assert graph.twin(id_) == GraphTwin(id_, "room", id_)
        assert dict(graph.digests()) == {id_: "e", "other": "d"}
        assert graph.relationships("other", incoming=True, cursor=None, limit=9) == (edges, None)
        graph.delete_twin(id_)
        assert graph.relationships("other", incoming=True, cursor=None, limit=9) == ([], None)

    def test_what_needs_the_twin_to_be_there(self, graph: FirestoreGraph) -> None:
        with pytest.raises(Refused, match="no such twin"):
            graph.set_values("nobody", {"flow": 1.0}, "2024-02-29T12:00:00.000000Z")
        with pytest.raises(Retry, match="not there yet"):
            graph.put_relationships("nobody", [], digest="d")
        assert graph.twin("nobody") is None


class Recorder:
    """A client's query that says what it was asked."""

    def __init__(self, collection: str) -> None:
        self.collection, self.filters, self.order = collection, list[tuple[str, str]](), list[str]()

    def where(self, *, filter: Any) -> Recorder:
        self.filters.append((filter.field_path, filter.op_string))
        return self

    def order_by(self, field: str) -> Recorder:
        self.order.append(field)
        return self

    def select(self, _fields: Any) -> Recorder:
        return self

    def limit(self, _count: int) -> Recorder:
        return self

    def document(self, _id: str) -> None: ...

    def stream(self, **_: Any) -> list[Any]:
        return []


class Client:
    def __init__(self) -> None:
        self.queries: list[Recorder] = []

    def collection(self, name: str) -> Any:
        client = self

        class Collection(Recorder):
            def where(self, *, filter: Any) -> Recorder:
                return client.begin(name).where(filter=filter)

            def order_by(self, field: str) -> Recorder:
                return client.begin(name).order_by(field)

            def select(self, fields: Any) -> Recorder:
                return client.begin(name)

        return Collection(name)

    def begin(self, name: str) -> Recorder:
        self.queries.append(Recorder(name))
        return self.queries[-1]


def test_every_query_has_its_index() -> None:
    """Firestore refuses a query whose fields no index has; emulators need none.

    A filter for equality with an order by another field needs a composite index of both
    (firebase.google.com/docs/firestore/query-data/indexing); an order alone needs one of that field.
    """
    client = Client()
    graph = FirestoreGraph(client)  # type: ignore[arg-type]
    cursor = module._cursor("k")
    for after in (None, cursor):
        graph.twins(type=None, cursor=after, limit=9)
        graph.twins(type="room", cursor=after, limit=9)
        for incoming in (True, False):
            graph.relationships("hall-1", incoming=incoming, cursor=after, limit=9)
    list(graph.digests())
    composite = {(collection, field) for collection, field in twin_management._ASKED_BY}
    asked = set()
    for query in client.queries:
        assert query.order == [twin_management.KEY]
        equal = [field for field, operator in query.filters if operator == "=="]
        assert {field for field, operator in query.filters if operator == ">"} <= {twin_management.KEY}
        assert len(equal) <= 1
        asked |= {(query.collection, field) for field in equal}
    assert asked == composite


def test_names_are_those_of_the_indexes() -> None:
    assert (module.TWINS, module.RELATIONSHIPS) == (twin_management.TWINS, twin_management.RELATIONSHIPS)


def test_no_answer_is_tried_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firestore_calls, "BOUNDS", Bounds(0.1, 0.2, 1, 0.0))
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{free_port()}")
    graph = GcpCloud(endpoints=Endpoints()).graph("projects/my-project/databases/graph", GRAPH_TWIN)
    with pytest.raises(Retry, match="Firestore failed"):
        graph.twin("hall-1")
    with pytest.raises(Retry):
        graph.put_twin(GraphTwin("hall-1", "room", "Hall"), digest="d")
