"""The adapters against the contract of every cloud, on local servers."""

from __future__ import annotations

import logging
import time
from itertools import count
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.cosmos import CosmosClient, PartitionKey
from azure.keyvault.secrets import KeyVaultSecret, SecretProperties
from azure.storage.queue import QueueClient, TextBase64DecodePolicy

from contract.adapter_contract import DeadLetterContract, QueueContract, SecretContract, StoreContract, row
from support.dying import Dying, Fuse
from twin_azure import queues
from twin_azure import store as store_module
from twin_azure.bodies import claimed
from twin_azure.queues import StorageQueue
from twin_azure.secrets import VaultSecret
from twin_azure.store import CosmosStore
from twin_runtime.deadlines import NO_TIME, Service, bounds
from twin_runtime.errors import ConfigurationError, Retry
from twin_runtime.roles import ROLES, Cloud

from . import servers

_numbers = count(1)


def _client(url: str) -> QueueClient:
    return QueueClient.from_queue_url(
        url, credential=servers.KEY, message_decode_policy=TextBase64DecodePolicy()
    )


def _drain(queue: StorageQueue) -> list[str]:
    client = _client(queue._client.url)
    found = []
    while batch := list(client.receive_messages(max_messages=32, visibility_timeout=60)):
        for message in batch:
            claim = claimed(message.content.encode())
            body = queue._bodies.get(claim) if claim else message.content.encode()
            assert body is not None
            found.append(body.decode())
            client.delete_message(message)
    return found


@pytest.mark.servers
class TestQueue(QueueContract):
    @pytest.fixture
    def queue(self, storage: servers.Storage) -> StorageQueue:
        return StorageQueue(servers.queue(storage, f"factory-queue-{next(_numbers)}"), servers.KEY)

    def drain(self, queue: StorageQueue) -> list[str]:
        return _drain(queue)

    def test_a_body_of_the_declared_length_is_the_longest(self, queue: StorageQueue) -> None:
        queue.send(["x" * queue.max_body_bytes])
        with pytest.raises(Retry, match="A body is longer than"):
            queue.send(["x" * (queue.max_body_bytes + 1)])

    def test_the_longest_message_carries_its_body_and_a_longer_one_a_claim(self, queue: StorageQueue) -> None:
        longest = "x" * queues.MAX_MESSAGE_BYTES
        queue.send([longest, longest + "x"])
        inside, outside = _client(queue._client.url).receive_messages()
        assert (inside.content, claimed(inside.content.encode())) == (longest, None)
        claim = claimed(outside.content.encode())
        assert claim is not None
        assert queue._bodies.get(claim) == (longest + "x").encode()
        queue._bodies.delete(claim)
        assert queue._bodies.get(claim) is None
        queue._bodies.delete(claim)
        with pytest.raises(HttpResponseError, match="too large"):  # the service itself takes no more
            queue._client.send_message(longest + "x")

    def test_without_the_container_nothing_is_sent(self, storage: servers.Storage) -> None:
        address = servers.queue(storage, f"factory-queue-{next(_numbers)}")
        queue = StorageQueue(f"{address}-gone", servers.KEY)
        with pytest.raises(Retry, match="Blob storage answered 404"):
            queue.send(["x" * (queues.MAX_MESSAGE_BYTES + 1)])
        with pytest.raises(Retry, match="Blob storage answered 404"):
            queue._bodies.get("0" * 32)
        assert _drain(queue) == []

    def test_messages_do_not_expire(self, queue: StorageQueue) -> None:
        queue.send(["[]"])
        (message,) = queue._client.receive_messages()
        assert message.expires_on is not None
        assert message.expires_on.year == 9999

    def test_a_queue_that_is_not_there_is_tried_again(self, storage: servers.Storage) -> None:
        address = f"{storage.queues}/missing?bodies={storage.blobs}/missing"
        with pytest.raises(Retry, match="404"):
            StorageQueue(address, servers.KEY).send(["[]"])


@pytest.mark.servers
class TestDeadLetters(DeadLetterContract):
    @pytest.fixture
    def queue(self, storage: servers.Storage) -> StorageQueue:
        return StorageQueue(servers.queue(storage, f"factory-{next(_numbers)}-poison"), servers.KEY)

    def drain(self, queue: StorageQueue) -> list[str]:
        return _drain(queue)

    def test_the_log_names_the_queue_for_its_alarm(
        self, queue: StorageQueue, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO, "twinspan"):
            queue.send([])
            assert not caplog.records
            queue.send(["{}", "{}"])
        assert queue._client.queue_name in caplog.text


@pytest.mark.servers
class TestStore(StoreContract):
    @pytest.fixture
    def store(self, cosmos_account: str) -> CosmosStore:
        name = f"events{next(_numbers)}"
        client = CosmosClient(cosmos_account, servers.COSMOS_KEY, enable_endpoint_discovery=False)
        database = client.create_database_if_not_exists("twin")
        database.create_container(name, PartitionKey("/device"))
        url = f"{cosmos_account}/dbs/twin/colls/{name}"
        return CosmosStore.at(url, servers.COSMOS_KEY, enable_endpoint_discovery=False)

    SEVERAL = 6

    def dying(self, store: CosmosStore, fuse: Fuse) -> CosmosStore:
        container: Any = Dying(store._container, fuse, ("create_item", "read_item"))
        return CosmosStore(container)

    def test_the_later_of_two_rows_with_one_key_counts(self, store: CosmosStore) -> None:
        store.put([row(data='{"t":1}'), row(data='{"t":2}')])
        assert [found.data for found in self.rows(store)] == ['{"t":2}']

    def test_a_page_ends_early_at_its_bound(
        self, store: CosmosStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = row(second=0)
        store.put([row(second=n) for n in range(5)])
        monkeypatch.setattr(store_module, "MAX_PAGE_BYTES", 2 * len(made.data))
        page = self.read(store)
        assert page.more
        assert [r.time for r in page.rows] == [made.time, row(second=1).time]

    def test_a_row_expires_when_its_event_is_old_enough(self, store: CosmosStore) -> None:
        store._clock = lambda: 1_000.0
        store.put([row(second=0, expires=1_060), row(second=1, expires=10)])
        items = {item["time"]: item["ttl"] for item in store._container.read_all_items()}
        assert items == {row(second=0).time: 60, row(second=1).time: 1}


class FakeVault:
    """A vault's client, of the calls that the adapter makes. No server for Key Vault can be run here."""

    def __init__(self) -> None:
        self.versions: list[str] = []

    def get_secret(self, name: str) -> KeyVaultSecret:
        if not self.versions:
            raise ResourceNotFoundError("SecretNotFound")
        return KeyVaultSecret(
            SecretProperties(vault_id=f"https://v.example/secrets/{name}/1"), self.versions[-1]
        )


class TestSecret(SecretContract):
    @pytest.fixture
    def secret(self) -> VaultSecret:
        client: Any = FakeVault()
        return VaultSecret(client, "factory-link-telemetry")

    def write(self, secret: Any, text: str) -> None:
        secret._client.versions.append(text)


@pytest.mark.parametrize(
    "url", ["https://vault.example", "https://vault.example/secrets/", "https://v/secrets/a/b"]
)
def test_a_secret_s_address_names_vault_and_secret(url: str) -> None:
    with pytest.raises(ConfigurationError, match="https://<vault>/secrets/<name>"):
        VaultSecret.at(url, None)


@pytest.mark.parametrize("url", ["https://account.example/", "https://account.example/dbs/twin"])
def test_a_store_s_address_names_database_and_container(url: str) -> None:
    with pytest.raises(ConfigurationError, match="https://<account>/dbs/<db>/colls/<coll>"):
        CosmosStore.at(url, None)


SHORTEST = min(size.timeout_s for size in ROLES.values())


@pytest.mark.parametrize("address", ["", "https://q/processing", "https://q/p?bodies=a&bodies=b"])
def test_a_queue_s_address_names_queue_and_container(address: str) -> None:
    with pytest.raises(ConfigurationError, match="bodies=<URL of the container>"):
        StorageQueue(address, None)


def test_a_store_s_client_is_given_the_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    class Client:
        def __init__(self, *_: Any, **options: Any) -> None:
            given.update(options)

        def get_database_client(self, _: str) -> Any:
            return self

        get_container_client = get_database_client

    monkeypatch.setattr(store_module, "CosmosClient", Client)
    CosmosStore.at("https://account.example/dbs/twin/colls/events", None)
    assert given == store_module._BOUNDS


@pytest.mark.parametrize("way", ["put", "put_if_absent"])
def test_a_batch_that_takes_too_long_is_not_begun_to_its_end(way: str) -> None:
    class Slow:
        def upsert_item(self, item: Any, *, timeout: float) -> None:
            assert 0 < timeout < longest
            assert time.monotonic() < deadline, "no call begins after it"
            time.sleep(0.05)

        create_item = upsert_item

    container: Any = Slow()
    rows = [row(second=second) for second in range(40)]
    longest = bounds(Cloud.AZURE, Service.STORE).longest_s
    deadline = time.monotonic() + 0.08
    unstored = getattr(CosmosStore(container), way)(rows, deadline=deadline)
    assert 0 < len(unstored) < len(rows)
    assert {(each.reason, each.permanent) for each in unstored} == {(NO_TIME, False)}
