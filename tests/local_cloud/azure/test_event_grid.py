"""Deliveries of Event Grid's stand-in, to an endpoint of the test's own."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from local_cloud.azure.event_grid import Delivery, Policy, dead_letter_name
from local_cloud.certificates import Authority
from local_cloud.processes import free_port
from local_cloud.web import Answer, Request, Server

FAST = 1e6
POLICY = Policy(max_events=3, max_bytes=10_000, attempts=4, ttl_s=86_400 * FAST)


class Endpoint:
    """Answers with the next of `answers`, then 200; keeps the batches that it was sent."""

    def __init__(self, authority: Authority) -> None:
        self.answers: list[int] = []
        self.batches: queue.Queue[list[Any]] = queue.Queue()
        certificate = authority.server()
        self.port = free_port()
        self.server = Server(self.port, self._answer, (certificate.certificate, certificate.key))
        threading.Thread(target=self.server.serve_forever, args=(0.05,)).start()

    def _answer(self, request: Request) -> Answer:
        assert request.headers["aeg-event-type"] == "Notification"
        self.batches.put(request.json())
        return Answer(self.answers.pop(0) if self.answers else 200)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def endpoint(authority: Authority) -> Iterator[Endpoint]:
    endpoint = Endpoint(authority)
    yield endpoint
    endpoint.server.shutdown()
    endpoint.server.server_close()


Deliver = Callable[..., Delivery]


@pytest.fixture
def deliver(endpoint: Endpoint, authority: Authority) -> Deliver:
    def make(given_up: list[Any], policy: Policy = POLICY, port: int | None = None) -> Delivery:
        def keep(letters: Sequence[str]) -> None:
            given_up.extend(json.loads(letter) for letter in letters)

        return Delivery(
            url=f"https://127.0.0.1:{port or endpoint.port}/",
            policy=policy,
            give_up=keep,
            ca_file=str(authority.ca_file),
            hasten=FAST,
            senders=1,
        )

    return make


def publish(delivery: Delivery, count: int) -> None:
    for number in range(count):
        delivery.publish(json.dumps({"id": number}))


def test_events_go_in_batches_of_at_most_so_many(endpoint: Endpoint, deliver: Deliver) -> None:
    delivery = deliver([])
    publish(delivery, 7)
    delivery.start()
    batches = [endpoint.batches.get(timeout=5) for _ in range(3)]
    assert [len(batch) for batch in batches] == [3, 3, 1]
    assert [event["id"] for batch in batches for event in batch] == list(range(7))


def test_a_batch_is_bounded_in_bytes_too(endpoint: Endpoint, deliver: Deliver) -> None:
    delivery = deliver([], Policy(max_events=3, max_bytes=10, attempts=4, ttl_s=1e9))
    publish(delivery, 2)  # each of 9 bytes
    delivery.start()
    assert [len(endpoint.batches.get(timeout=5)) for _ in range(2)] == [1, 1]


def test_a_batch_that_fails_is_delivered_again_whole(endpoint: Endpoint, deliver: Deliver) -> None:
    given_up: list[Any] = []
    endpoint.answers += [500, 503]
    delivery = deliver(given_up)
    publish(delivery, 2)
    delivery.start()
    batches = [endpoint.batches.get(timeout=5) for _ in range(3)]
    assert batches[0] == batches[1] == batches[2] == [{"id": 0}, {"id": 1}]
    assert not given_up


def test_after_the_last_attempt_it_is_a_dead_letter_with_the_reason(
    endpoint: Endpoint, deliver: Deliver
) -> None:
    given_up: list[Any] = []
    endpoint.answers += [500] * POLICY.attempts
    delivery = deliver(given_up)
    publish(delivery, 1)
    delivery.start()
    for _ in range(POLICY.attempts):
        endpoint.batches.get(timeout=5)
    _wait(lambda: given_up)
    (letter,) = given_up
    assert letter["id"] == 0
    assert letter["deadLetterReason"] == "MaxDeliveryAttemptsExceeded"
    assert letter["deliveryAttempts"] == POLICY.attempts
    assert letter["lastHttpStatusCode"] == 500


def test_what_the_endpoint_cannot_understand_is_not_tried_again(endpoint: Endpoint, deliver: Deliver) -> None:
    given_up: list[Any] = []
    endpoint.answers.append(400)
    delivery = deliver(given_up)
    publish(delivery, 1)
    delivery.start()
    _wait(lambda: given_up)
    assert (given_up[0]["deadLetterReason"], given_up[0]["deliveryAttempts"]) == ("BadRequest", 1)


def test_nobody_there_is_a_failure_like_others(deliver: Deliver) -> None:
    given_up: list[Any] = []
    delivery = deliver(given_up, Policy(max_events=3, max_bytes=10_000, attempts=30, ttl_s=0), free_port())
    publish(delivery, 1)
    delivery.start()
    _wait(lambda: given_up)
    assert given_up[0]["deadLetterReason"] == "TimeToLiveExceeded"
    assert given_up[0]["lastDeliveryOutcome"] == "Unreachable"


def test_blobs_are_named_by_subscription_and_hour() -> None:
    subscription, *when, name = dead_letter_name("dispatcher").split("/")
    assert subscription == "DISPATCHER"
    assert len(when) == 4
    assert Path(name).suffix == ".json"


def _wait(found: Callable[[], Any]) -> None:
    done = threading.Event()
    for _ in range(100):
        if found():
            return
        done.wait(0.05)
    raise AssertionError("it did not come")
