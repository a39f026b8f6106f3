"""A reading on its way through the function apps of a single-cloud twin, over local queues and a local store.

The host is not there: the test takes its place, by handing each message to the next app's function.
"""

from __future__ import annotations

import json
import zipfile
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest
from azure.cosmos import CosmosClient, PartitionKey
from azure.storage.queue import QueueClient, TextBase64DecodePolicy

from support.layouts import twin_config
from twin_azure import triggers
from twin_azure.cloud import AzureCloud
from twin_azure.queues import StorageQueue
from twin_azure.store import CosmosStore
from twin_runtime import functions
from twin_runtime.context import Context
from twin_runtime.roles import Cloud, Role
from twinspan import packaging

from . import servers
from .stacks import ALL

QUEUES = ("processing", "persisting", "processing-poison", "persisting-poison", "telemetry-poison")
KEY = "a-key"


class LocalKeys:
    def fetch(self) -> str:
        return json.dumps({"api_keys": [KEY]})


class LocalCloud(AzureCloud):
    """Azure's adapters with the local servers' keys."""

    def queue(self, address: str) -> StorageQueue:
        return StorageQueue(address, servers.KEY)

    def store(self, address: str) -> CosmosStore:
        return CosmosStore.at(address, servers.COSMOS_KEY, enable_endpoint_discovery=False)

    def secret(self, address: str) -> Any:
        return LocalKeys()


class Twin:
    """The local twin: its queues, and its functions called as the host would."""

    def __init__(
        self, queue_service: str, cosmos_account: str, root: Path, patch: pytest.MonkeyPatch
    ) -> None:
        self._urls = {name: f"{queue_service}/pipe-{name}" for name in QUEUES}
        for url in self._urls.values():
            self._client(url).create_queue()
        client = CosmosClient(cosmos_account, servers.COSMOS_KEY, enable_endpoint_discovery=False)
        client.create_database_if_not_exists("pipe").create_container("events", PartitionKey("/device"))
        self._store = f"{cosmos_account}/dbs/pipe/colls/events"
        self._root, self._patch = root, patch

    def _client(self, url: str) -> QueueClient:
        return QueueClient.from_queue_url(
            url, credential=servers.KEY, message_decode_policy=TextBase64DecodePolicy()
        )

    def waiting(self, name: str) -> list[Any]:
        """The messages of a queue, taken out."""
        client, found = self._client(self._urls[name]), []
        for message in client.receive_messages():
            found.append(message)
            client.delete_message(message)
        return found

    def call(self, role: Role, make: Any, argument: Any, **environment: str) -> Any:
        environ = {"TWIN_ROLE": role} | {
            name: self._urls.get(value, value) for name, value in environment.items()
        }
        context = Context(role, LocalCloud(), environ=environ, root=self._root)
        (function,) = make(role, triggers.Once(lambda: functions.assemble(context))).get_functions()
        return function.get_user_function()(argument)

    def telemetry(self, body: bytes, device: str = "thermostat-1") -> None:
        properties = {"iothub-connection-device-id": device, "iothub-enqueuedtime": NOW}
        event: Any = func.EventGridEvent(
            id="e",
            data={"systemProperties": properties, "body": b64encode(body).decode()},
            topic="hub",
            subject=f"devices/{device}",
            event_type="Microsoft.Devices.DeviceTelemetry",
            event_time=datetime.now(UTC),
            data_version="",
        )
        queues = {"PROCESSING_QUEUE": "processing", "DEAD_LETTER_QUEUE": "telemetry-poison"}
        self.call(Role.DISPATCHER, triggers.event_grid_app, event, **queues)

    def consume(self, role: Role, queue: str, **environment: str) -> None:
        for message in self.waiting(queue):
            body = func.QueueMessage(id=message.id, body=message.content.encode())
            self.call(role, triggers.queue_app, body, DEAD_LETTER_QUEUE=f"{queue}-poison", **environment)

    def run(self) -> None:
        self.consume(Role.PROCESSOR, "processing", PERSISTING_QUEUE="persisting")
        self.consume(Role.PERSISTER, "persisting", STORE=self._store, EVENTS_QUEUE="")

    def read(self, key: str) -> tuple[int, Any]:
        start = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        url = f"https://h/hot_reader?device=thermostat-1&from={start}"
        request = func.HttpRequest(method="GET", url=url, headers={"x-api-key": key}, body=b"")
        answer = self.call(
            Role.HOT_READER,
            triggers.http_app,
            request,
            STORE=self._store,
            API_KEYS_SECRET="keys",
            API_KEY_READS="true",
        )
        return answer.status_code, json.loads(answer.get_body())


NOW = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@pytest.mark.servers
def test_a_reading_arrives_once(
    queue_service: str, cosmos_account: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = packaging.build(twin_config(ALL), Cloud.AZURE, tmp_path)
    zipfile.ZipFile(package.path).extractall(tmp_path / "site")
    twin = Twin(queue_service, cosmos_account, tmp_path / "site", monkeypatch)
    for _ in range(2):  # Event Grid delivers at least once
        twin.telemetry(b'{"temperature": 28.5}')
    twin.telemetry(b"not JSON")
    twin.telemetry(b'{"temperature": 1}', device="stranger")
    twin.run()
    status, answer = twin.read(KEY)
    assert status == 200
    assert [event["data"]["temperature"] for event in answer["events"]] == [28.5]
    assert twin.read("another key")[0] == 401
    refused = [json.loads(message.content)["reason"] for message in twin.waiting("telemetry-poison")]
    assert len(refused) == 2
    assert "The device is not known to this twin." in refused
