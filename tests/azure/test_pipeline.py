"""A reading on its way through the function apps of a single-cloud twin, over local queues and a local store.

The host is not there: the test takes its place, by handing each message to the next app's function.
"""

from __future__ import annotations

import json
import logging
import random
import zipfile
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest
from azure.cosmos import CosmosClient, PartitionKey
from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient, TextBase64DecodePolicy

from operations.dead_letters.sources.azure import QueueSource
from support.layouts import twin_config
from twin_azure import triggers
from twin_azure.bodies import Bodies, claimed, split
from twin_azure.cloud import AzureCloud
from twin_azure.queues import StorageQueue
from twin_azure.store import CosmosStore
from twin_runtime import functions
from twin_runtime.context import Context
from twin_runtime.deadlines import Limits
from twin_runtime.delivery.dead_letters import DeadLetter, decode
from twin_runtime.errors import Retry
from twin_runtime.events.cloudevents import MAX_DATA_BYTES
from twin_runtime.events.payload import MAX_PAYLOAD_BYTES
from twin_runtime.roles import Cloud, Role
from twinspan import packaging

from . import servers
from .stacks import ALL

QUEUES = ("processing", "persisting", "processing-poison", "persisting-poison", "telemetry-poison")
KEY = "a-key"
_numbers = count(1)
FULL = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=MAX_DATA_BYTES - 8))
LARGEST = {"t": FULL}
"""The data of the largest reading, which no compression makes fit into a message."""
assert len(json.dumps(LARGEST, separators=(",", ":"))) == MAX_DATA_BYTES


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
        self, storage: servers.Storage, cosmos_account: str, root: Path, patch: pytest.MonkeyPatch
    ) -> None:
        self.name = f"pipe{next(_numbers)}"
        self._urls = {name: servers.queue(storage, f"{self.name}-{name}") for name in QUEUES}
        client = CosmosClient(cosmos_account, servers.COSMOS_KEY, enable_endpoint_discovery=False)
        database = client.create_database_if_not_exists("pipe")
        database.create_container(self.name, PartitionKey("/device"))
        self._store = f"{cosmos_account}/dbs/pipe/colls/{self.name}"
        self._root, self._patch = root, patch

    def _client(self, name: str) -> QueueClient:
        return QueueClient.from_queue_url(
            split(self._urls[name])[0], credential=servers.KEY, message_decode_policy=TextBase64DecodePolicy()
        )

    def bodies(self, name: str) -> Bodies:
        return Bodies(split(self._urls[name])[1], servers.KEY)

    def blobs(self) -> list[str]:
        """Every body that is outside its message."""
        containers = {split(url)[1] for url in self._urls.values()}
        return [
            blob
            for url in containers
            for blob in ContainerClient.from_container_url(url, credential=servers.KEY).list_blob_names()
        ]

    def letters(self, name: str) -> list[DeadLetter]:
        """As the command reads them."""
        with QueueSource(self._urls[name], servers.KEY) as source:
            return [letter for page in source.pages() for each in page for letter in decode(each.body)]

    def waiting(self, name: str) -> list[Any]:
        """The messages of a queue, taken out."""
        client, found = self._client(name), []
        for message in client.receive_messages(max_messages=32):
            found.append(message)
            client.delete_message(message)
        return found

    def put(self, name: str, message: Any) -> None:
        """Put a message into a queue as it is: what the host does with one that failed too often."""
        self._client(name).send_message(b64encode(message.content.encode()).decode())

    def call(self, role: Role, make: Any, argument: Any, **environment: str) -> Any:
        environ = {"TWIN_ROLE": role} | {
            name: self._urls.get(value, value) for name, value in environment.items()
        }
        context = Context(role, LocalCloud(), environ=environ, root=self._root)
        # An app that somebody waits for needs no limits: its role has them.
        given = role if make is triggers.http_app else Limits(role, Cloud.AZURE)
        (function,) = make(given, triggers.Once(lambda: functions.assemble(context))).get_functions()
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
            self.work(role, queue, message, **environment)

    def work(self, role: Role, queue: str, message: Any, **environment: str) -> None:
        kept = triggers.Once(lambda: self.bodies(queue))
        make = partial(triggers.queue_app, kept=kept)
        body = func.QueueMessage(id=message.id, body=message.content.encode())
        self.call(role, make, body, DEAD_LETTER_QUEUE=f"{queue}-poison", **environment)

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


pytestmark = pytest.mark.servers


@pytest.fixture
def twin(
    storage: servers.Storage, cosmos_account: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Twin:
    package = packaging.build(twin_config(ALL), Cloud.AZURE, tmp_path)
    zipfile.ZipFile(package.path).extractall(tmp_path / "site")
    return Twin(storage, cosmos_account, tmp_path / "site", monkeypatch)


def test_a_reading_arrives_once(twin: Twin) -> None:
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


def test_the_largest_reading_arrives_and_leaves_nothing_behind(twin: Twin) -> None:
    """Over 48 KB it was cut off and lay in the dead letters, acknowledged."""
    twin.telemetry(json.dumps(LARGEST).encode())
    assert len(twin.blobs()) == 1
    twin.run()
    _, answer = twin.read(KEY)
    assert [event["data"] for event in answer["events"]] == [LARGEST]
    assert twin.blobs() == []
    assert [twin.letters(name) for name in QUEUES if name.endswith("-poison")] == [[], [], []]


def test_a_larger_one_is_refused_and_its_letter_has_all_of_it(twin: Twin) -> None:
    body = json.dumps({"t": FULL + "x"})
    twin.telemetry(body.encode())
    (letter,) = twin.letters("telemetry-poison")
    assert letter.reason == f"The data is longer than {MAX_DATA_BYTES} bytes."
    assert json.loads(letter.body or "") == json.loads(body)
    noise = random.Random(2).randbytes(256 * 1024)  # the longest message of IoT Hub
    twin.telemetry(noise)
    assert {letter.reason for letter in twin.letters("telemetry-poison")} == {
        f"The data is longer than {MAX_DATA_BYTES} bytes.",
        f"The JSON is longer than {MAX_PAYLOAD_BYTES} bytes.",
    }
    assert noise in [letter.body for letter in twin.letters("telemetry-poison")]


def test_a_message_that_fails_keeps_its_body_until_it_is_done(
    twin: Twin, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    twin.telemetry(json.dumps(LARGEST).encode())
    (message,) = twin.waiting("processing")
    claim = claimed(message.content.encode())
    assert twin.blobs() == [claim]
    process = partial(twin.work, Role.PROCESSOR, "processing", message, PERSISTING_QUEUE="persisting")
    with monkeypatch.context() as patch:
        patch.setattr(StorageQueue, "send", refuse)
        with pytest.raises(triggers.DeliverAgain):
            process()
    assert twin.blobs() == [claim]
    process()
    assert claim not in twin.blobs()
    assert len(twin.waiting("persisting")) == 1
    with caplog.at_level(logging.INFO, "twinspan"):
        process()  # the host died before it deleted the message, and hands it out again
    assert twin.waiting("persisting") == []
    (line,) = (json.loads(record.message) for record in caplog.records if record.name == "twinspan")
    assert (line["event"], line["body"], line["level"]) == ("body_gone", claim, "warning")


def test_a_body_that_cannot_be_read_brings_the_message_back(
    twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin.telemetry(json.dumps(LARGEST).encode())
    (message,) = twin.waiting("processing")
    monkeypatch.setattr(Bodies, "get", refuse)
    with pytest.raises(Retry, match="not now"):
        twin.work(Role.PROCESSOR, "processing", message, PERSISTING_QUEUE="persisting")
    assert len(twin.blobs()) == 1


def test_a_body_that_is_not_deleted_is_logged_and_the_message_is_done(
    twin: Twin, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    twin.telemetry(json.dumps(LARGEST).encode())
    (message,) = twin.waiting("processing")
    monkeypatch.setattr(Bodies, "delete", refuse)
    twin.work(Role.PROCESSOR, "processing", message, PERSISTING_QUEUE="persisting")
    assert len(twin.waiting("persisting")) == 1
    assert [json.loads(r.message)["reason"] for r in caplog.records if "body_not_deleted" in r.message] == [
        "not now"
    ]


def test_what_the_host_moves_to_the_poison_queue_keeps_its_claim(twin: Twin) -> None:
    twin.telemetry(json.dumps(LARGEST).encode())
    (message,) = twin.waiting("processing")
    twin.put("processing-poison", message)
    (letter,) = twin.letters("processing-poison")
    assert letter.event is not None
    assert letter.event["data"] == LARGEST


def refuse(*_: Any) -> Any:
    raise Retry("not now")
