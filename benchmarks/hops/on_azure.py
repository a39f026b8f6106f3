"""Azure: Azurite (queues, tables) and Cosmos DB of cosmosdb-server, each in a process of its own."""

from __future__ import annotations

import contextlib
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from email.utils import formatdate
from hashlib import sha256
from http.client import HTTPConnection
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from azure.cosmos import CosmosClient, PartitionKey
from azure.storage.queue import QueueClient, TextBase64DecodePolicy, TextBase64EncodePolicy

from azure.servers import ACCOUNT, COSMOS_KEY, KEY, azurite, cosmos
from twin_azure.cloud import AzureCloud
from twin_azure.queues import StorageQueue
from twin_azure.state import TableStateStore
from twin_azure.store import CosmosStore
from twin_runtime.wire.http_client import Answer, HttpClient

from .services import NOTES, Secret, Stored

_TTL = 30 * 86_400
_TABLES = {
    "accept": "application/json;odata=nometadata",
    "content-type": "application/json",
    "x-ms-version": "2023-11-03",
}
_SAME = ("device", "time", "type", "data", "traceparent", "expires", "subject", "received")


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

    def state_store(self, address: str) -> TableStateStore:
        return TableStateStore(address, _NoToken(), _WithKey())


class _NoToken:
    """Azurite takes tokens over TLS alone."""

    def get_token(self, *_: str) -> SimpleNamespace:
        return SimpleNamespace(token="")


class _WithKey(HttpClient):
    """Signs with the account's key."""

    def request(self, method: str, url: str, body: Any, headers: Any, **how: Any) -> Answer:
        signed = _signature(urlsplit(url).path, headers["x-ms-date"])
        return super().request(method, url, body, {**headers, "authorization": signed}, **how)


def _record(device: str) -> str:
    """The path of a device's record."""
    return f"/{ACCOUNT}/state(PartitionKey='{device}',RowKey='')"


def _signature(path: str, date: str) -> str:
    """The authorization of a request of Table storage: Shared Key Lite."""
    mac = hmac.digest(b64decode(KEY), f"{date}\n/{ACCOUNT}{path}".encode(), "sha256")
    return f"SharedKeyLite {ACCOUNT}:{b64encode(mac).decode()}"


class AzureServices:
    """`services.Services`. The bare side has clients of its own."""

    runs_on = "storage queues and tables of Azurite, Cosmos DB of cosmosdb-server"

    def __init__(self, queues: str, tables: str, account: str, secret: str) -> None:
        self.cloud = LocalAzure(secret)
        url = f"{queues}/factory-queue"
        self.queue = f"{url}?bodies={queues}/no-body-is-that-long"
        self.store = f"{account}/dbs/twinspan/colls/events"
        self.states = f"{tables}/state"
        self._tables = HTTPConnection(urlsplit(tables).netloc)
        self._exchange("POST", f"/{ACCOUNT}/Tables", {"TableName": "state"})
        self._queue = QueueClient.from_queue_url(
            url,
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
            self._container.create_item({**fields, **names, "ttl": _TTL})

    def query(self, device: str, limit: int) -> list[Stored]:
        found = self._container.query_items(
            f"SELECT TOP {limit} * FROM c WHERE c.device = @device ORDER BY c.key ASC",
            parameters=[{"name": "@device", "value": device}],
            partition_key=device,
        )
        return [_stored(item) for item in found]

    def state(self, device: str) -> tuple[str, str]:
        entity, version = self._exchange("GET", _record(device))
        return b64decode(entity["text"]).decode(), version

    def put_state(self, device: str, text: str, version: str) -> str:
        content = {"text@odata.type": "Edm.Binary", "text": b64encode(text.encode()).decode()}
        entity = {**content, "writer": "bare"}
        return self._exchange("PUT", _record(device), entity, {"if-match": version})[1]

    def _exchange(
        self, method: str, path: str, entity: Any = None, condition: Mapping[str, str] | None = None
    ) -> tuple[Any, str]:
        """An exchange with Table storage: the entity of the answer, and its version."""
        date = formatdate(usegmt=True)
        signed = {"x-ms-date": date, "authorization": _signature(path, date)}
        headers = {**signed, **_TABLES, **(condition or {})}
        content = json.dumps(entity) if entity else None
        try:
            self._tables.request(method, path, content, headers)
            answer = self._tables.getresponse()
        except ConnectionError:  # Azurite closes a connection that was idle for five seconds
            self._tables.close()
            self._tables.request(method, path, content, headers)
            answer = self._tables.getresponse()
        content = answer.read()
        if answer.status not in (200, 201, 204):
            raise RuntimeError(f"Table storage answered {answer.status}: {content[:200]!r}")
        return json.loads(content or "null"), answer.headers.get("etag", "")

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
        return [_stored(item) for item in found if not item["device"].startswith(NOTES)]


def _stored(item: dict[str, Any]) -> Stored:
    return {**{name: item[name] for name in _SAME}, "id": item["event"]}


@contextlib.contextmanager
def services(secret: str) -> Iterator[AzureServices]:
    """The services, until the end of the block. `secret` is the text of every secret."""
    with azurite() as storage, cosmos() as account:
        yield AzureServices(storage.queues, storage.tables, account, secret)
