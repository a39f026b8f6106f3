"""Our own Pub/Sub over HTTP: the product's adapters on it, pushes to an endpoint, and what it refuses."""

from __future__ import annotations

import base64
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from contract.adapter_contract import DeadLetterContract, QueueContract
from local_cloud.errors import LocalCloudError
from local_cloud.gcp.json_server import ApiError, JsonServer
from local_cloud.gcp.pubsub.api import Api
from local_cloud.gcp.pubsub.servers import subscription_document
from local_cloud.gcp.pubsub.service import PubSub
from local_cloud.gcp.rest import call
from twin_gcp import envelope
from twin_gcp.cloud import Endpoints, GcpCloud
from twin_gcp.pubsub import TopicQueue

TOPIC = "v1/projects/p/topics/t"
SUBSCRIPTION = "v1/projects/p/subscriptions/s"
numbers = itertools.count()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = JsonServer(Api(PubSub()).route)
    server.start()
    yield server.port
    server.close()


class Endpoint:
    """Where messages are pushed to. `answers` says with which status."""

    def __init__(self, answers: Callable[[envelope.Envelope], int]) -> None:
        self.pushed: list[tuple[float, envelope.Envelope]] = []
        self._answers = answers
        self._server = JsonServer(self._route)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self.close = self._server.close
        self._server.start()

    def _route(self, method: str, path: str, document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        pushed = envelope.parse(json.dumps(document).encode())
        self.pushed.append((time.monotonic(), pushed))
        status = self._answers(pushed)
        if status >= 400:
            raise ApiError(status, "not now")
        return status, {}


class OnOurs:
    @pytest.fixture
    def queue(self, port: int) -> TopicQueue:
        number = next(numbers)
        self.port, self.pull = port, f"v1/projects/my-project/subscriptions/sub-{number}"
        path = f"projects/my-project/topics/topic-{number}"
        call(port, "PUT", f"v1/{path}")
        call(port, "PUT", self.pull, {"topic": path})
        return GcpCloud(endpoints=Endpoints(pubsub=f"http://127.0.0.1:{port}")).queue(path)

    def drain(self, queue: TopicQueue) -> list[str]:
        bodies: list[str] = []
        while received := pull(self.port, self.pull):
            bodies += [base64.b64decode(each["message"]["data"]).decode() for each in received]
            call(self.port, "POST", f"{self.pull}:acknowledge", {"ackIds": [r["ackId"] for r in received]})
        return bodies


class TestQueue(OnOurs, QueueContract): ...


class TestDeadLetters(OnOurs, DeadLetterContract): ...


def pull(port: int, subscription: str, most: int = 1_000) -> list[dict[str, Any]]:
    request = {"maxMessages": most, "returnImmediately": True}
    return call(port, "POST", f"{subscription}:pull", request).get("receivedMessages", [])


def message(text: str, **attributes: str) -> dict[str, Any]:
    return {"data": base64.b64encode(text.encode()).decode(), "attributes": attributes}


def until(done: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.01)


def test_a_push_that_fails_is_repeated_and_then_dead_lettered(port: int) -> None:
    """As the stack's subscriptions say it, evaluated by Terraform."""
    endpoint = Endpoint(lambda pushed: 503 if pushed.attributes["kind"] == "bad" else 204)
    for topic in ("work", "work-dead"):
        call(port, "PUT", f"v1/projects/p/topics/{topic}")
    call(port, "PUT", "v1/projects/p/subscriptions/work-dead", {"topic": "projects/p/topics/work-dead"})
    values = {
        "topic": "projects/p/topics/work",
        "ack_deadline_seconds": 60,
        "retry_policy": {"minimum_backoff": "10s", "maximum_backoff": "40s"},
        "dead_letter_policy": {
            "dead_letter_topic": "projects/p/topics/work-dead",
            "max_delivery_attempts": 5,
        },
        "push_config": {"push_endpoint": endpoint.url},
    }
    call(port, "PUT", "v1/projects/p/subscriptions/work", subscription_document(values, hasten=200))
    call(
        port,
        "POST",
        "v1/projects/p/topics/work:publish",
        {"messages": [message("a", kind="good"), message("b", kind="bad")]},
    )
    until(lambda: call(port, "GET", "counters")["projects/p/subscriptions/work"]["backlog"] == 0)
    endpoint.close()

    counters = call(port, "GET", "counters")["projects/p/subscriptions/work"]
    assert counters == {
        "delivered": 6,
        "acknowledged": 1,
        "dead_lettered": 1,
        "backlog": 0,
        "outstanding": 0,
    }
    failing = [(at, pushed) for at, pushed in endpoint.pushed if pushed.data == b"b"]
    assert [pushed.attempt for _, pushed in failing] == [1, 2, 3, 4, 5]
    waits = [later - at for (at, _), (later, _) in itertools.pairwise(failing)]
    assert all(wait >= least for wait, least in zip(waits, (0.05, 0.1, 0.2, 0.2), strict=True))
    (letter,) = pull(port, "v1/projects/p/subscriptions/work-dead")
    assert base64.b64decode(letter["message"]["data"]) == b"b"
    assert letter["message"]["attributes"]["CloudPubSubDeadLetterSourceDeliveryCount"] == "5"
    assert letter["message"]["attributes"]["kind"] == "bad"


def test_an_endpoint_that_is_away_gets_its_messages_later(port: int) -> None:
    endpoint = Endpoint(lambda pushed: 204)
    endpoint.close()
    call(port, "PUT", "v1/projects/p/topics/away")
    call(
        port,
        "PUT",
        "v1/projects/p/subscriptions/away",
        {
            "topic": "projects/p/topics/away",
            "retryPolicy": {"minimumBackoff": "0.05s", "maximumBackoff": "0.1s"},
            "pushConfig": {"pushEndpoint": endpoint.url},
        },
    )
    call(port, "POST", "v1/projects/p/topics/away:publish", {"messages": [message("a")]})
    until(lambda: call(port, "GET", "counters")["projects/p/subscriptions/away"]["delivered"] > 1)
    back: list[str] = []
    server = JsonServer(lambda *request: (200, back.append(request[1]) or {}), port=int(endpoint.url[17:]))
    server.start()
    until(lambda: call(port, "GET", "counters")["projects/p/subscriptions/away"]["acknowledged"] == 1)
    server.close()
    assert len(back) == 1


def test_pushes_run_side_by_side_and_lose_nothing(port: int) -> None:
    under_way, most, lock = 0, 0, threading.Lock()

    def slow(_pushed: envelope.Envelope) -> int:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.005)
        with lock:
            under_way -= 1
        return 200

    endpoint = Endpoint(slow)
    call(port, "PUT", "v1/projects/p/topics/many")
    call(
        port,
        "PUT",
        "v1/projects/p/subscriptions/many",
        {"topic": "projects/p/topics/many", "pushConfig": {"pushEndpoint": endpoint.url}},
    )
    messages = [message(str(number)) for number in range(500)]
    call(port, "POST", "v1/projects/p/topics/many:publish", {"messages": messages})
    until(lambda: call(port, "GET", "counters")["projects/p/subscriptions/many"]["acknowledged"] == 500, 30)
    endpoint.close()
    assert Counter(pushed.data for _, pushed in endpoint.pushed) == {
        str(number).encode(): 1 for number in range(500)
    }
    assert most > 4


def test_each_device_sees_its_own_commands(port: int) -> None:
    call(port, "PUT", "v1/projects/p/topics/commands")
    for device in ("a", "b"):
        document = {"topic": "projects/p/topics/commands", "filter": f'attributes.device_id = "{device}"'}
        call(port, "PUT", f"v1/projects/p/subscriptions/command-{device}", document)
    messages = [message("1", device_id="a"), message("2", device_id="c")]
    ids = call(port, "POST", "v1/projects/p/topics/commands:publish", {"messages": messages})["messageIds"]
    (received,) = pull(port, "v1/projects/p/subscriptions/command-a")
    assert received["message"]["messageId"] == ids[0]
    assert "deliveryAttempt" not in received
    assert pull(port, "v1/projects/p/subscriptions/command-b") == []


def test_a_pulled_message_that_is_given_back_comes_again(port: int) -> None:
    call(port, "PUT", f"{TOPIC}-pull")
    call(port, "PUT", f"{SUBSCRIPTION}-pull", {"topic": "projects/p/topics/t-pull"})
    call(port, "POST", f"{TOPIC}-pull:publish", {"messages": [message("1")]})
    (first,) = pull(port, f"{SUBSCRIPTION}-pull")
    assert pull(port, f"{SUBSCRIPTION}-pull") == []
    call(
        port,
        "POST",
        f"{SUBSCRIPTION}-pull:modifyAckDeadline",
        {"ackIds": [first["ackId"]], "ackDeadlineSeconds": 0},
    )
    (second,) = pull(port, f"{SUBSCRIPTION}-pull")
    assert second["message"] == first["message"]


def test_a_pull_waits_for_a_message(port: int) -> None:
    call(port, "PUT", f"{TOPIC}-wait")
    call(port, "PUT", f"{SUBSCRIPTION}-wait", {"topic": "projects/p/topics/t-wait"})
    publish = threading.Timer(
        0.1, call, (port, "POST", f"{TOPIC}-wait:publish", {"messages": [message("1")]})
    )
    publish.start()
    assert len(call(port, "POST", f"{SUBSCRIPTION}-wait:pull", {"maxMessages": 1})["receivedMessages"]) == 1
    publish.join()


@pytest.mark.parametrize(
    ("method", "path", "document", "status"),
    [
        ("POST", "v1/projects/p/topics/none:publish", {"messages": [message("1")]}, 404),
        ("POST", "v1/projects/p/subscriptions/none:pull", {"maxMessages": 1}, 404),
        ("PUT", "v1/projects/p/subscriptions/x", {"topic": "projects/p/topics/none"}, 404),
        ("PUT", f"{TOPIC}-there", {}, 409),
        (
            "PUT",
            "v1/projects/p/subscriptions/x",
            {
                "topic": "projects/p/topics/t-there",
                "deadLetterPolicy": {"deadLetterTopic": "projects/p/topics/none"},
            },
            404,
        ),
        (
            "PUT",
            "v1/projects/p/subscriptions/x",
            {"topic": "projects/p/topics/t-there", "filter": "device"},
            400,
        ),
        ("POST", f"{TOPIC}-there:publish", {"messages": []}, 400),
        ("POST", f"{TOPIC}-there:publish", {"messages": [{}]}, 400),
        ("POST", f"{TOPIC}-there:publish", {"messages": [{"data": "%"}]}, 400),
        ("POST", f"{TOPIC}-there:publish", {"messages": [{"data": "aGk=", "attributes": {"a": 1}}]}, 400),
        ("POST", f"{TOPIC}-there:publish", {"messages": [message("1")] * 1_001}, 400),
        ("POST", f"{TOPIC}-there:publish", {"messages": [message("x" * 7_600_000)]}, 400),
        ("POST", f"{SUBSCRIPTION}:pull", {}, 400),
        ("POST", f"{SUBSCRIPTION}:pull", {"maxMessages": 0}, 400),
        ("DELETE", f"{TOPIC}-there", {}, 501),
        ("POST", f"{TOPIC}-there:detach", {}, 404),
    ],
)
def test_what_is_refused(port: int, method: str, path: str, document: dict[str, Any], status: int) -> None:
    try:
        call(port, "PUT", f"{TOPIC}-there")
    except LocalCloudError as error:
        assert "with 409" in str(error)
    with pytest.raises(LocalCloudError, match=f"with {status}:"):
        call(port, method, path, document)
