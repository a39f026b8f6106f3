"""The sources of each cloud on local servers: moto, Azurite, Google's Pub/Sub emulator."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import count

import boto3
import pytest
from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient
from moto import mock_aws

from azure.servers import KEY, Storage, azurite, queue
from gcp import servers as google_servers
from gcp.servers import call
from operations.dead_letters import forms
from operations.dead_letters.locations import Location
from operations.dead_letters.sources import Source
from operations.dead_letters.sources.aws import SqsSource
from operations.dead_letters.sources.azure import BlobSource, QueueSource
from operations.dead_letters.sources.gcp import PubSub, PubSubSource
from support.samples import event
from twin_aws.clients import client
from twin_azure.bodies import split
from twin_azure.queues import StorageQueue
from twin_gcp.cloud import Endpoints, GcpCloud
from twin_gcp.pubsub import message
from twin_runtime.delivery.dead_letters import DeadLetter, decode
from twin_runtime.errors import Retry

from .memory import MemoryLocation, MemorySource
from .source_contract import SourceContract

numbers = count(1)


@pytest.fixture(scope="session")
def storage() -> Iterator[Storage]:
    with azurite() as urls:
        yield urls


@pytest.fixture(scope="session")
def pubsub() -> Iterator[str]:
    with google_servers.pubsub() as url:
        yield url


class TestMemory(SourceContract):
    shortest_age = float("-inf")

    @pytest.fixture
    def dead(self) -> MemoryLocation:
        return MemoryLocation()

    def put(self, dead: MemoryLocation, *bodies: str) -> None:
        for body in bodies:
            dead.add(body, at=time.time())

    def open(self, dead: MemoryLocation) -> Source:
        return MemorySource(dead)


class TestSqs(SourceContract):
    @pytest.fixture
    def dead(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            monkeypatch.setenv(name, "dummy")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        client.cache_clear()
        with mock_aws():
            yield boto3.client("sqs").create_queue(QueueName="processing-dead")["QueueUrl"]
        client.cache_clear()

    def put(self, dead: str, *bodies: str) -> None:
        for body in bodies:
            client("sqs").send_message(QueueUrl=dead, MessageBody=body)

    def open(self, dead: str) -> Source:
        return SqsSource(dead, client("sqs"), wait_s=0)

    def test_how_often_it_was_read(self, dead: str) -> None:
        self.put(dead, "[1]")
        self.texts(dead)
        with self.open(dead) as source:
            ((message,),) = source.pages()
        assert message.reads == 2

    def test_a_queue_that_is_not_there(self, dead: str) -> None:
        with pytest.raises(Retry, match=r"NonExistentQueue|QueueDoesNotExist"):
            self.texts(f"{dead}-gone")


@pytest.mark.servers
class TestStorageQueue(SourceContract):
    @pytest.fixture
    def dead(self, storage: Storage) -> str:
        return queue(storage, f"processing-{next(numbers)}-poison")

    def put(self, dead: str, *bodies: str) -> None:
        StorageQueue(dead, KEY).send([body.encode("ascii", "backslashreplace").decode() for body in bodies])

    def texts(self, dead: str) -> list[str]:
        return [text.replace("\\xe9", "é") for text in super().texts(dead)]

    def open(self, dead: str) -> Source:
        return QueueSource(dead, KEY)

    def test_a_message_that_is_not_base64(self, dead: str) -> None:
        QueueClient.from_queue_url(split(dead)[0], credential=KEY).send_message("{not base64}")
        assert self.texts(dead) == ["{not base64}"]

    def test_a_queue_that_is_not_there(self, dead: str) -> None:
        with pytest.raises(Retry, match="404"):
            self.texts(dead.replace("-poison?", "-gone?"))

    def test_the_body_of_a_claim_is_read_and_goes_with_its_message(self, dead: str) -> None:
        long = "x" * 60_000
        self.put(dead, long, "short")
        container = ContainerClient.from_container_url(split(dead)[1], credential=KEY)
        with self.open(dead) as source:
            ((first, second),) = source.pages()
            found = {message.body.decode() for message in (first, second)}
        assert found == {long, "short"}
        assert len(list(container.list_blobs())) == 1, "what is only listed stays"
        with self.open(dead) as source:
            for page in source.pages():
                source.delete(page)
        assert list(container.list_blobs()) == []
        assert self.texts(dead) == []

    def test_what_is_left_of_a_message_of_several_is_kept_with_a_claim_of_its_own(self, dead: str) -> None:
        """As the host moves it: a claim to an array of events, of which one is sent."""
        events = [event(f"e{n}", data={"t": str(n) * 60_000}) for n in range(2)]
        self.put(dead, json.dumps(events))
        with self.open(dead) as source:
            ((message,),) = source.pages()
            letters = forms.read(Location("azure", "processing", "queue", dead, dead), message)
            source.replace(message, letters[1:])
        ((kept,),) = [decode(text) for text in self.texts(dead)]
        assert kept.event == events[1]

    def test_a_body_that_is_gone_is_a_letter_that_says_so(self, dead: str) -> None:
        self.put(dead, "x" * 60_000)
        container = ContainerClient.from_container_url(split(dead)[1], credential=KEY)
        (blob,) = container.list_blobs()
        container.delete_blob(blob.name)
        ((letter,),) = [decode(text) for text in self.texts(dead)]
        assert letter.reason.endswith("is no longer in its container.")
        assert letter.body == blob.name
        with self.open(dead) as source:
            ((message,),) = source.pages()
            source.delete([message])
        assert self.texts(dead) == []


@pytest.mark.servers
class TestEventGridBlobs(SourceContract):
    @pytest.fixture
    def dead(self, storage: Storage) -> str:
        url = f"{storage.blobs}/broker-dead-{next(numbers)}"
        ContainerClient.from_container_url(url, credential=KEY).create_container()
        return url

    def put(self, dead: str, *bodies: str) -> None:
        container = ContainerClient.from_container_url(dead, credential=KEY)
        for body in bodies:
            container.upload_blob(f"telemetry/dispatcher/2024/2/29/12/{next(numbers)}.json", body.encode())

    def open(self, dead: str) -> Source:
        return BlobSource(dead, KEY)

    def check_replaced(self, letter: DeadLetter) -> None:
        """The events that are left, as they were."""

    def test_two_runs_at_a_time(self, dead: str) -> None:
        self.put(dead, "[1]")
        with self.open(dead) as first, self.open(dead) as second:
            ((seen,),) = first.pages()
            ((also,),) = second.pages()
            container = ContainerClient.from_container_url(dead, credential=KEY)
            container.upload_blob(seen.id, b"[2]", overwrite=True)
            with pytest.raises(Retry, match="Another run"):
                first.delete([seen])
            with pytest.raises(Retry, match="Another run"):
                second.replace(also, [])
        assert self.texts(dead) == ["[2]"]


@pytest.mark.servers
class TestPubSub(SourceContract):
    @pytest.fixture
    def dead(self, pubsub: str) -> tuple[str, str, str]:
        number = next(numbers)
        topic = f"projects/my-project/topics/dead-{number}"
        subscription = f"projects/my-project/subscriptions/dead-{number}"
        call(f"{pubsub}/v1/{topic}", {}, method="PUT")
        call(f"{pubsub}/v1/{subscription}", {"topic": topic, "ackDeadlineSeconds": 600}, method="PUT")
        return pubsub, topic, subscription

    def put(self, dead: tuple[str, str, str], *bodies: str) -> None:
        url, topic, _ = dead
        call(f"{url}/v1/{topic}:publish", {"messages": [message(body.encode()) for body in bodies]})

    def open(self, dead: tuple[str, str, str]) -> Source:
        url, _, subscription = dead
        cloud = GcpCloud(endpoints=Endpoints(pubsub=url))
        return PubSubSource(subscription, PubSub(url, None), cloud.queue)

    def test_long_messages(self, dead: tuple[str, str, str]) -> None:
        """More than the bound on answers of the functions' own client."""
        bodies = [json.dumps([letter * 900_000]) for letter in "abc"]
        for body in bodies:
            self.put(dead, body)
        assert self.texts(dead) == bodies

    def test_a_subscription_that_is_not_there(self, dead: tuple[str, str, str]) -> None:
        with pytest.raises(Retry, match="404"):
            self.texts((*dead[:2], f"{dead[2]}-gone"))
