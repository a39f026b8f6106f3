"""The adapters against the contract of every cloud, on local servers."""

from __future__ import annotations

import logging
import socket
import time
from itertools import count
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.cosmos import CosmosClient, PartitionKey
from azure.keyvault.secrets import KeyVaultSecret, SecretProperties
from azure.storage.queue import QueueClient, TextBase64DecodePolicy

from contract.adapter_contract import DeadLetterContract, QueueContract, SecretContract, StoreContract, row
from twin_azure import queues, secrets, store
from twin_azure.queues import StorageQueue
from twin_azure.secrets import VaultSecret
from twin_azure.store import CosmosStore
from twin_runtime.errors import ConfigurationError, Retry
from twin_runtime.roles import ROLES

from . import servers

_numbers = count(1)


@pytest.fixture
def queue_url(queue_service: str) -> str:
    """A new queue's URL."""
    url = f"{queue_service}/factory-queue-{next(_numbers)}"
    _client(url).create_queue()
    return url


def _client(url: str) -> QueueClient:
    return QueueClient.from_queue_url(
        url, credential=servers.KEY, message_decode_policy=TextBase64DecodePolicy()
    )


def _drain(queue: StorageQueue) -> list[str]:
    client = _client(queue._client.url)
    found = []
    while batch := list(client.receive_messages(max_messages=32, visibility_timeout=60)):
        for message in batch:
            found.append(message.content)
            client.delete_message(message)
    return found


@pytest.mark.servers
class TestQueue(QueueContract):
    @pytest.fixture
    def queue(self, queue_url: str) -> StorageQueue:
        return StorageQueue(queue_url, servers.KEY)

    def drain(self, queue: StorageQueue) -> list[str]:
        return _drain(queue)

    def test_a_message_of_the_declared_length_is_the_longest(self, queue: StorageQueue) -> None:
        queue.send(["x" * queue.max_body_bytes])
        with pytest.raises(Retry, match="The queue answered"):
            queue.send(["x" * (queue.max_body_bytes + 1)])

    def test_messages_do_not_expire(self, queue: StorageQueue) -> None:
        queue.send(["[]"])
        (message,) = queue._client.receive_messages()
        assert message.expires_on is not None
        assert message.expires_on.year == 9999

    def test_a_queue_that_is_not_there_is_tried_again(self, queue_service: str) -> None:
        with pytest.raises(Retry, match="404"):
            StorageQueue(f"{queue_service}/missing", servers.KEY).send(["[]"])


@pytest.mark.servers
class TestDeadLetters(DeadLetterContract):
    @pytest.fixture
    def queue(self, queue_service: str) -> StorageQueue:
        url = f"{queue_service}/factory-{next(_numbers)}-poison"
        _client(url).create_queue()
        return StorageQueue(url, servers.KEY)

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

    def test_the_later_of_two_rows_with_one_key_counts(self, store: CosmosStore) -> None:
        store.put([row(data='{"t":1}'), row(data='{"t":2}')])
        assert [found.data for found in self.rows(store)] == ['{"t":2}']

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


@pytest.mark.parametrize("adapter", [queues, secrets, store])
def test_a_call_ends_before_the_function_s_time(adapter: Any) -> None:
    """A function that is not done in its time-out ends with its process."""
    bounds = adapter._BOUNDS
    attempts = 1 + bounds["retry_total"]
    pauses = bounds.get("initial_backoff", 0) + bounds.get("random_jitter_range", 0)
    assert attempts * (bounds["connection_timeout"] + bounds["read_timeout"]) + pauses < SHORTEST


def test_a_queue_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(queues._BOUNDS, "read_timeout", 0.2)
    monkeypatch.setitem(queues._BOUNDS, "initial_backoff", 0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/{servers.ACCOUNT}/processing"
        begun = time.monotonic()
        with pytest.raises(Retry, match="The queue failed"):
            StorageQueue(url, servers.KEY).send(["[]"])
        assert time.monotonic() - begun < 10


def test_a_vault_s_client_is_given_the_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(secrets, "SecretClient", lambda *_, **options: given.update(options))
    VaultSecret.at("https://vault.example/secrets/name", None)
    assert given == secrets._BOUNDS


def test_a_store_s_client_is_given_the_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    class Client:
        def __init__(self, *_: Any, **options: Any) -> None:
            given.update(options)

        def get_database_client(self, _: str) -> Any:
            return self

        get_container_client = get_database_client

    monkeypatch.setattr(store, "CosmosClient", Client)
    CosmosStore.at("https://account.example/dbs/twin/colls/events", None)
    assert given == store._BOUNDS


def test_a_batch_that_takes_too_long_is_not_begun_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        def upsert_item(self, item: Any, *, timeout: float) -> None:
            assert timeout + store._PUT_SECONDS < SHORTEST
            time.sleep(0.05)

    monkeypatch.setattr(store, "_PUT_SECONDS", 0.08)
    container: Any = Slow()
    rows = [row(second=second) for second in range(40)]
    unstored = CosmosStore(container).put(rows)
    assert 0 < len(unstored) < len(rows)
    assert {(each.reason, each.permanent) for each in unstored} == {("Cosmos DB is too slow.", False)}
