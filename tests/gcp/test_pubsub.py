"""The Pub/Sub adapters: the contract on Google's emulator where there is one and on a fake; faults on the
fake.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from contract.adapter_contract import DeadLetterContract, QueueContract
from gcp.servers import FakeGoogle, call
from support.samples import TWIN
from twin_gcp.cloud import Endpoints, GcpCloud
from twin_gcp.pubsub import DeviceBroker, Topic, TopicQueue
from twin_gcp.rest import Rest
from twin_runtime import deadlines
from twin_runtime.deadlines import Service
from twin_runtime.errors import Refused, Retry, Throttled
from twin_runtime.events import cloudevents
from twin_runtime.roles import Cloud

TOPIC = "projects/my-project/topics/factory-processing"
numbers = count()


class OnTheFake:
    @pytest.fixture
    def queue(self, google: FakeGoogle) -> TopicQueue:
        self.google = google
        return GcpCloud(endpoints=Endpoints(pubsub=google.url)).queue(TOPIC)

    def drain(self, queue: TopicQueue) -> list[str]:
        return [base64.b64decode(message["data"]).decode() for message in self.google.messages]


class OnTheEmulator:
    @pytest.fixture
    def queue(self, pubsub_url: str) -> TopicQueue:
        number = next(numbers)
        path = f"projects/my-project/topics/topic-{number}"
        self.pull = f"{pubsub_url}/v1/projects/my-project/subscriptions/sub-{number}"
        call(f"{pubsub_url}/v1/{path}", {}, method="PUT")
        call(self.pull, {"topic": path}, method="PUT")
        return GcpCloud(endpoints=Endpoints(pubsub=pubsub_url)).queue(path)

    def drain(self, queue: TopicQueue) -> list[str]:
        bodies: list[str] = []
        request = {"maxMessages": 1000, "returnImmediately": True}
        while received := call(f"{self.pull}:pull", request).get("receivedMessages"):
            bodies += [base64.b64decode(each["message"]["data"]).decode() for each in received]
            call(f"{self.pull}:acknowledge", {"ackIds": [each["ackId"] for each in received]})
        return bodies


class TestQueueOnTheFake(OnTheFake, QueueContract): ...


class TestDeadLettersOnTheFake(OnTheFake, DeadLetterContract): ...


@pytest.mark.servers
class TestQueueOnTheEmulator(OnTheEmulator, QueueContract): ...


@pytest.mark.servers
class TestDeadLettersOnTheEmulator(OnTheEmulator, DeadLetterContract): ...


def topic(google: FakeGoogle, pauses: Callable[[float], Any] = lambda _: None) -> Topic:
    return Topic(Rest(google.url, None, service="Pub/Sub"), TOPIC, sleep=pauses)


def test_what_fails_in_passing_is_tried_again(google: FakeGoogle) -> None:
    google.ahead = [503]
    pauses: list[float] = []
    TopicQueue(topic(google, pauses.append)).send(["[1]"])
    assert len(google.messages) == 1
    (pause,) = pauses
    assert 0 < pause <= deadlines.bounds(Cloud.GCP, Service.QUEUE).pauses_s


@pytest.mark.parametrize(
    ("status", "kind"), [(503, Retry), (403, Retry), (404, Retry), (429, Throttled), (400, Retry)]
)
def test_what_goes_on_failing_is_for_later(google: FakeGoogle, status: int, kind: type[Retry]) -> None:
    google.ahead = [status] * 3
    with pytest.raises(Retry) as raised:
        TopicQueue(topic(google)).send(["[1]"])
    assert type(raised.value) is kind


def test_a_server_that_is_not_there(google: FakeGoogle) -> None:
    google.close()
    with pytest.raises(Retry):
        TopicQueue(topic(google)).send(["[1]"])


def test_large_batches_take_several_requests(google: FakeGoogle) -> None:
    TopicQueue(topic(google)).send(["x" * 1_000_000] * 4)
    assert len(google.messages) == 4
    assert len([each for each in google.requests if "publish" in each]) == 2


def test_a_command_carries_the_device_that_its_subscription_is_filtered_on(google: FakeGoogle) -> None:
    command = cloudevents.make(
        cloudevents.COMMAND,
        twin=TWIN.name,
        device="thermostat-1",
        subject="set_point",
        data={"command": "set_point", "value": 20, "rule": "overheating", "event_id": "e1"},
        time="2024-02-29T12:00:00.000000Z",
        id="c1",
    )
    DeviceBroker(topic(google)).send("thermostat-1", command)
    (message,) = google.messages
    assert message["attributes"] == {"device_id": "thermostat-1"}
    assert json.loads(base64.b64decode(message["data"])) == command


def test_a_command_that_is_refused(google: FakeGoogle) -> None:
    google.ahead = [400]
    with pytest.raises(Refused):
        DeviceBroker(topic(google)).send("thermostat-1", {"id": "c1"})
    with pytest.raises(Refused):
        DeviceBroker(topic(google)).send("thermostat-1", {"id": "c" * 2_500_001})
