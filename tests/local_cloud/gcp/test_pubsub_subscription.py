"""Deliveries, on a clock of the test's own."""

from __future__ import annotations

import threading
import time

from local_cloud.gcp.pubsub.messages import Delivery, Message, dead, envelope
from local_cloud.gcp.pubsub.settings import Backoff, Settings, attribute_filter
from local_cloud.gcp.pubsub.subscription import Subscription

NAME = "projects/p/subscriptions/factory-processing"


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Made:
    """A subscription with what it gave up."""

    def __init__(self, **settings: object) -> None:
        self.clock = Clock()
        self.given_up: list[tuple[str, int]] = []
        wanted = Settings(
            **{
                "name": NAME,
                "topic": "projects/p/topics/t",
                "takes": attribute_filter(""),
                "ack_deadline_s": 60.0,
                "backoff": Backoff(10, 40),
                "dead_letter_topic": "projects/p/topics/t-dead",
                "max_attempts": 5,
                **settings,
            }  # pyright: ignore[reportArgumentType]
        )
        self.subscription = Subscription(
            wanted, lambda message, attempts: self.given_up.append((message.id, attempts)), self.clock
        )

    def offer(self, *ids: str, **attributes: str) -> None:
        for id_ in ids:
            self.subscription.offer(Message(id_, "aGk=", attributes, "2026-01-31T12:00:00.000Z"))

    def take(self, limit: int = 10) -> list[Delivery]:
        return self.subscription.take(limit, wait=0)

    def ids(self) -> list[str]:
        return [delivery.message.id for delivery in self.take()]


def test_what_is_acknowledged_does_not_come_back() -> None:
    made = Made()
    made.offer("1", "2")
    first, second = made.take()
    made.subscription.acknowledge([first.ack_id, second.ack_id, "unknown"])
    made.clock.now += 10_000
    assert made.take() == []
    assert made.subscription.state() == {
        "delivered": 2,
        "acknowledged": 2,
        "dead_lettered": 0,
        "backlog": 0,
        "outstanding": 0,
    }


def test_what_is_out_is_handed_to_nobody_else() -> None:
    made = Made()
    made.offer("1")
    assert made.ids() == ["1"]
    made.clock.now += 59
    assert made.ids() == []
    assert made.subscription.state()["outstanding"] == 1


def test_what_is_not_acknowledged_in_time_comes_back_after_the_backoff() -> None:
    made = Made()
    made.offer("1")
    made.take()
    made.clock.now += 60
    assert made.ids() == []
    made.clock.now += 9.9
    assert made.ids() == []
    made.clock.now += 0.2
    assert [(d.message.id, d.attempt) for d in made.take()] == [("1", 2)]


def test_a_late_acknowledgement_has_no_effect() -> None:
    made = Made()
    made.offer("1")
    (late,) = made.take()
    made.clock.now += 71
    made.ids()
    made.clock.now += 10
    made.subscription.acknowledge([late.ack_id])
    made.clock.now += 70
    assert made.ids() == ["1"]


def test_what_is_given_back_waits_longer_each_time() -> None:
    made = Made()
    made.offer("1")
    waits = []
    for _ in range(4):
        (delivery,) = made.take()
        made.subscription.extend([delivery.ack_id], 0)
        began = made.clock.now
        while not made.subscription._ready:
            made.clock.now += 1
            made.subscription.extend([], 0)
        waits.append(made.clock.now - began)
    assert waits == [10, 20, 40, 40]


def test_a_deadline_can_be_extended() -> None:
    made = Made()
    made.offer("1")
    (delivery,) = made.take()
    made.clock.now += 50
    made.subscription.extend([delivery.ack_id], 60)
    made.clock.now += 59
    made.subscription.acknowledge([delivery.ack_id])
    assert made.subscription.state()["acknowledged"] == 1


def test_the_last_attempt_that_fails_is_given_up() -> None:
    made = Made(backoff=Backoff())
    made.offer("1")
    attempts = []
    while deliveries := made.take():
        attempts += [delivery.attempt for delivery in deliveries]
        made.subscription.extend([delivery.ack_id for delivery in deliveries], 0)
    assert attempts == [1, 2, 3, 4, 5]
    assert made.given_up == [("1", 5)]
    assert made.subscription.state()["dead_lettered"] == 1
    assert made.subscription.state()["backlog"] == 0


def test_without_a_dead_letter_policy_nothing_is_given_up_and_no_attempt_told() -> None:
    made = Made(backoff=Backoff(), dead_letter_topic=None, max_attempts=0)
    made.offer("1")
    for _ in range(150):
        (delivery,) = made.take()
        assert delivery.attempt is None
        made.subscription.extend([delivery.ack_id], 0)
    assert made.given_up == []


def test_a_filter_drops_what_it_does_not_take() -> None:
    made = Made(takes=attribute_filter('attributes.device_id = "a"'))
    made.offer("1", device_id="b")
    made.offer("2", device_id="a")
    made.offer("3")
    assert made.ids() == ["2"]


def test_a_taker_waits_for_a_message() -> None:
    """On the real clock."""
    settings = Made().subscription.settings
    subscription = Subscription(settings, lambda message, attempts: None)
    threading.Timer(0.05, lambda: subscription.offer(Message("1", "", {"a": "b"}, ""))).start()
    assert [delivery.message.id for delivery in subscription.take(1, wait=10)] == ["1"]


def test_a_waiting_taker_gets_what_comes_back() -> None:
    """Another taker's failure brings work to one that has waited since before."""
    settings = Made(backoff=Backoff(0.05, 0.05)).subscription.settings
    subscription = Subscription(settings, lambda message, attempts: None)
    subscription.offer(Message("1", "", {"a": "b"}, ""))
    (first,) = subscription.take(1, wait=0)
    threading.Timer(0.05, lambda: subscription.extend([first.ack_id], 0)).start()
    began = time.monotonic()
    assert [delivery.attempt for delivery in subscription.take(1, wait=10)] == [2]
    assert time.monotonic() - began < 5


def test_many_threads_take_each_message_once() -> None:
    made = Made()
    made.offer(*(str(number) for number in range(2_000)))
    taken: list[str] = []

    def work() -> None:
        while deliveries := made.take(3):
            taken.extend(delivery.message.id for delivery in deliveries)
            made.subscription.acknowledge([delivery.ack_id for delivery in deliveries])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken, key=int) == [str(number) for number in range(2_000)]
    assert made.subscription.state()["acknowledged"] == 2_000


def test_the_envelope_of_a_push() -> None:
    message = Message("7", "aGk=", {"device_id": "a"}, "2026-01-31T12:00:00.000Z")
    both_ways = {"messageId": "7", "message_id": "7"} | dict.fromkeys(
        ("publishTime", "publish_time"), "2026-01-31T12:00:00.000Z"
    )
    inner = {"data": "aGk=", "attributes": {"device_id": "a"}, **both_ways}
    assert envelope(Delivery("x", message, 3), NAME) == {
        "deliveryAttempt": 3,
        "message": inner,
        "subscription": NAME,
    }
    assert "deliveryAttempt" not in envelope(Delivery("x", message, None), NAME)


def test_a_dead_letter_says_where_it_comes_from() -> None:
    message = Message("7", "aGk=", {"a": "b"}, "2026-01-31T12:00:00.000Z")
    assert dead(message, subscription=NAME, attempts=60) == {
        "data": "aGk=",
        "attributes": {
            "a": "b",
            "CloudPubSubDeadLetterSourceDeliveryCount": "60",
            "CloudPubSubDeadLetterSourceSubscription": "factory-processing",
            "CloudPubSubDeadLetterSourceSubscriptionProject": "p",
            "CloudPubSubDeadLetterSourceTopicPublishTime": "2026-01-31T12:00:00.000Z",
        },
    }
