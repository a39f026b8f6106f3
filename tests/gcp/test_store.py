"""The Firestore adapter: the contract, on an emulator; and what an emulator does not do, on a stand-in."""

from __future__ import annotations

import time
from typing import Any

import pytest

from contract.adapter_contract import StoreContract, row
from support.dying import Dying, Fuse
from support.servers import free_port
from twin_runtime.errors import Retry, Throttled
from twin_runtime.ports import Row

firestore = pytest.importorskip("google.cloud.firestore", reason="google-cloud-firestore is not installed")

from google.api_core import exceptions  # noqa: E402

from twin_gcp import firestore_calls  # noqa: E402
from twin_gcp import store as module  # noqa: E402
from twin_gcp.cloud import GcpCloud  # noqa: E402
from twin_gcp.store import FirestoreStore  # noqa: E402
from twinspan.gcp import hot_storage  # noqa: E402


@pytest.mark.servers
class TestFirestoreStore(StoreContract):
    made = 0

    @pytest.fixture
    def store(self, firestore_host: str, monkeypatch: pytest.MonkeyPatch) -> FirestoreStore:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_host)
        TestFirestoreStore.made += 1
        return GcpCloud().store(f"projects/my-project/databases/factory-{self.made}")

    def dying(self, store: FirestoreStore, fuse: Fuse) -> FirestoreStore:
        client: Any = Dying(store._client, fuse, ("commit", "get_all"), made=("batch",))
        return FirestoreStore(client)

    def test_a_page_ends_early_at_its_bound(
        self, store: FirestoreStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store.put([row(second=n) for n in range(5)])
        monkeypatch.setattr(module, "MAX_PAGE_BYTES", 2_500)
        page = self.read(store)
        assert page.more
        assert [r.time for r in page.rows] == [row(second=0).time, row(second=1).time]

    def test_a_key_twice_in_one_call(self, store: FirestoreStore) -> None:
        store.put([row(data='{"t":1}'), row(data='{"t":2}')])
        assert [r.data for r in self.rows(store)] == ['{"t":2}']


class Batch:
    def __init__(self, client: Client) -> None:
        self.client, self.written = client, []

    def set(self, reference: str, document: dict[str, Any]) -> None:
        self.written.append((reference, document))

    def commit(self, timeout: float, retry: Any) -> None:
        self.client.commits.append(len(self.written))
        if self.client.errors and (error := self.client.errors.pop(0)) is not None:
            raise error
        if any(document["type"] == "poison" for _, document in self.written):
            raise exceptions.InvalidArgument("no")
        self.client.documents.update(self.written)


class Client:
    """Of the client library, what writing needs."""

    def __init__(self, *errors: Exception | None) -> None:
        self.errors = list(errors)
        self.commits: list[int] = []
        self.documents: dict[str, Any] = {}

    def collection(self, name: str) -> Client:
        assert name == module.COLLECTION == hot_storage.COLLECTION
        return self

    def document(self, name: str) -> str:
        return name

    def batch(self) -> Batch:
        return Batch(self)


def poison(second: int) -> Row:
    written = row(second=second)
    return Row(
        written.device, written.time, written.id, "poison", written.data, written.traceparent, written.expires
    )


def test_a_row_that_is_refused_does_not_keep_the_others_back() -> None:
    client = Client()
    unstored = FirestoreStore(client).put([row(second=0), poison(1), row(second=2), row(second=3)])  # type: ignore[arg-type]
    assert [(each.index, each.permanent) for each in unstored] == [(1, True)]
    assert len(client.documents) == 3


def test_a_row_larger_than_a_document_is_refused() -> None:
    client = Client()
    unstored = FirestoreStore(client).put([row(data='"' + "ü" * 600_000 + '"'), row(second=1)])  # type: ignore[arg-type]
    assert [(each.index, each.permanent) for each in unstored] == [(0, True)]
    assert len(client.documents) == 1


def test_commits_are_bounded_by_rows_and_by_bytes() -> None:
    client = Client()
    FirestoreStore(client).put([row(second=n) for n in range(401)])  # type: ignore[arg-type]
    assert client.commits == [400, 1]
    client = Client()
    FirestoreStore(client).put([row(second=n, data='"' + "x" * 1_000_000 + '"') for n in range(9)])  # type: ignore[arg-type]
    assert client.commits == [7, 2]


def test_what_one_commit_stored_stays_stored_when_the_next_fails() -> None:
    client = Client(None, exceptions.ServiceUnavailable("busy"))
    unstored = FirestoreStore(client).put([row(second=n) for n in range(402)])  # type: ignore[arg-type]
    assert [(each.index, each.permanent) for each in unstored] == [(400, False), (401, False)]


@pytest.mark.parametrize(
    ("error", "kind"),
    [(exceptions.ServiceUnavailable("x"), Retry), (exceptions.ResourceExhausted("x"), Throttled)],
)
def test_nothing_stored_raises(error: Exception, kind: type[Retry]) -> None:
    with pytest.raises(kind) as raised:
        FirestoreStore(Client(error)).put([row()])  # type: ignore[arg-type]
    assert type(raised.value) is kind
    assert "x" not in raised.value.reason.split()


def test_after_a_commit_that_failed_none_is_begun() -> None:
    client = Client(None, exceptions.ServiceUnavailable("busy"))
    unstored = FirestoreStore(client).put([row(second=n) for n in range(1_201)])  # type: ignore[arg-type]
    assert client.commits == [400, 400]
    assert [each.index for each in unstored] == list(range(400, 1_201))


def test_a_client_that_gave_up_on_a_full_database_asks_for_less() -> None:
    error = exceptions.RetryError("over", cause=exceptions.ResourceExhausted("x"))
    with pytest.raises(Throttled):
        FirestoreStore(Client(error)).put([row()])  # type: ignore[arg-type]


def test_a_call_ends_before_the_function_s_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client would try again for 60 seconds, and in a query for 300."""
    monkeypatch.setattr(firestore_calls, "BOUNDS", firestore_calls.BOUNDS._replace(connect_s=0, answer_s=0.4))
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{free_port()}")
    store = GcpCloud().store("projects/my-project/databases/factory")
    begun = time.monotonic()
    with pytest.raises(Retry):
        store.put([row()])
    with pytest.raises(Retry):
        store.query("t", start="a", end="b", limit=1, cursor=None, descending=False)
    assert time.monotonic() - begun < 10  # it was 2 x 1.8


def test_the_timestamp_that_firestore_deletes_by() -> None:
    client = Client()
    FirestoreStore(client).put([row(expires=1_709_208_000)])  # type: ignore[arg-type]
    (document,) = client.documents.values()
    assert document["expires"].isoformat() == "2024-02-29T12:00:00+00:00"
    assert set(document) == {"device", "key", "type", "data", "traceparent", "expires"}
