"""Azure: storage queues of Azurite and Cosmos DB of cosmosdb-server, each in a process of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

from azure.cosmos import CosmosClient, PartitionKey
from azure.storage.queue import QueueClient, TextBase64DecodePolicy, TextBase64EncodePolicy

from azure.servers import COSMOS_KEY, KEY, azurite, cosmos
from twin_azure.cloud import AzureCloud
from twin_azure.queues import StorageQueue
from twin_azure.store import CosmosStore

from .services import Secret, Stored

_TTL = 30 * 86_400
_SAME = ("device", "time", "type", "data", "traceparent", "expires")


class LocalAzure(AzureCloud):
    """The product's own factory, but with the keys of the local servers, which take no identity."""

    def __init__(self, secret: str) -> None:
        self._secret = Secret(secret)

    def queue(self, address: str) -> StorageQueue:
        return StorageQueue(address, KEY)

    def store(self, address: str) -> CosmosStore:
        return CosmosStore.at(address, COSMOS_KEY, enable_endpoint_discovery=False)

    def secret(self, address: str) -> Any:
        return self._secret


class AzureServices:
    """`services.Services`. The bare side has clients of its own."""

    runs_on = "storage queues of Azurite, Cosmos DB of cosmosdb-server"

    def __init__(self, queues: str, account: str, secret: str) -> None:
        self.cloud = LocalAzure(secret)
        self.queue = f"{queues}/factory-queue"
        self.store = f"{account}/dbs/twinspan/colls/events"
        self._queue = QueueClient.from_queue_url(
            self.queue,
            credential=KEY,
            message_encode_policy=TextBase64EncodePolicy(),
            message_decode_policy=TextBase64DecodePolicy(),
        )
        self._queue.create_queue()
        client = CosmosClient(account, COSMOS_KEY, enable_endpoint_discovery=False)
        database = client.create_database("twinspan")
        self._container = database.create_container("events", PartitionKey("/device"))

    def send(self, body: str) -> None:
        self._queue.send_message(body, time_to_live=-1)

    def put(self, rows: Sequence[Stored]) -> None:
        for row in rows:
            fields = {name: row[name] for name in _SAME}
            key = f"{row['time']}#{row['id']}"
            names = {"id": sha256(key.encode()).hexdigest(), "key": key, "event": row["id"]}
            self._container.upsert_item({**fields, **names, "ttl": _TTL})

    def query(self, device: str, limit: int) -> list[Stored]:
        found = self._container.query_items(
            f"SELECT TOP {limit} * FROM c WHERE c.device = @device ORDER BY c.key ASC",
            parameters=[{"name": "@device", "value": device}],
            partition_key=device,
        )
        return [_stored(item) for item in found]

    def taken(self) -> list[str]:
        bodies: list[str] = []
        while found := list(self._queue.receive_messages(max_messages=32, visibility_timeout=60)):
            for message in found:
                bodies.append(message.content)
                self._queue.delete_message(message)
        return bodies

    def rows(self) -> list[Stored]:
        found = list(self._container.query_items("SELECT * FROM c", enable_cross_partition_query=True))
        for item in found:
            self._container.delete_item(item["id"], partition_key=item["device"])
        return [_stored(item) for item in found]


def _stored(item: dict[str, Any]) -> Stored:
    return {**{name: item[name] for name in _SAME}, "id": item["event"]}


@contextlib.contextmanager
def services(secret: str) -> Iterator[AzureServices]:
    """The services, until the end of the block. `secret` is the text of every secret."""
    with azurite() as storage, cosmos() as account:
        yield AzureServices(storage.queues, account, secret)
