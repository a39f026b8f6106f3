"""What a subscription is set to."""

from __future__ import annotations

from typing import Any

import pytest

from local_cloud.gcp.pubsub.settings import Backoff, attribute_filter, read, seconds

NAME = "projects/p/subscriptions/factory-processing"
TOPIC = "projects/p/topics/factory-processing"


def test_a_filter_takes_its_own_device_alone() -> None:
    takes = attribute_filter('attributes.device_id = "thermostat-1"')
    assert takes({"device_id": "thermostat-1", "other": "x"})
    assert not takes({"device_id": "thermostat-10"})
    assert not takes({"other": "thermostat-1"})
    assert not takes({})


def test_a_filter_with_marks_in_its_value() -> None:
    takes = attribute_filter(r'attributes.device_id="a\"b\\c"')
    assert takes({"device_id": 'a"b\\c'})


def test_no_filter_takes_everything() -> None:
    assert attribute_filter("")({})


@pytest.mark.parametrize(
    "text", ['device_id = "a"', 'attributes.a = "b" AND attributes.c = "d"', "attributes.a", "garbage (("]
)
def test_a_filter_that_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not of the form"):
        attribute_filter(text)


def test_a_backoff_doubles_up_to_its_most() -> None:
    backoff = Backoff(10, 600)
    assert [backoff.after(attempt) for attempt in range(1, 9)] == [10, 20, 40, 80, 160, 320, 600, 600]
    assert backoff.after(5_000) == 600


@pytest.mark.parametrize(("text", "number"), [("10s", 10.0), ("0.5s", 0.5), ("604800s", 604_800.0)])
def test_durations(text: str, number: float) -> None:
    assert seconds(text) == number


@pytest.mark.parametrize("text", ["10", "s", "-1s", "1m"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        seconds(text)


def test_everything_that_a_stack_sets() -> None:
    settings = read(
        NAME,
        {
            "topic": TOPIC,
            "ackDeadlineSeconds": 60,
            "retryPolicy": {"minimumBackoff": "10s", "maximumBackoff": "600s"},
            "deadLetterPolicy": {"deadLetterTopic": f"{TOPIC}-dead", "maxDeliveryAttempts": 60},
            "pushConfig": {"pushEndpoint": "http://127.0.0.1:1"},
        },
    )
    assert (settings.name, settings.topic) == (NAME, TOPIC)
    assert (settings.ack_deadline_s, settings.backoff) == (60, Backoff(10, 600))
    assert (settings.dead_letter_topic, settings.max_attempts) == (f"{TOPIC}-dead", 60)
    assert settings.endpoint == "http://127.0.0.1:1"


def test_what_a_subscription_has_by_itself() -> None:
    settings = read(NAME, {"topic": TOPIC})
    assert (settings.ack_deadline_s, settings.backoff, settings.endpoint) == (10, Backoff(0, 0), None)
    assert settings.dead_letter_topic is None


@pytest.mark.parametrize(
    "document",
    [
        {"deadLetterPolicy": {"deadLetterTopic": TOPIC, "maxDeliveryAttempts": 4}},
        {"deadLetterPolicy": {"deadLetterTopic": TOPIC, "maxDeliveryAttempts": 101}},
        {"retryPolicy": {"minimumBackoff": "20s", "maximumBackoff": "10s"}},
        {"retryPolicy": {"minimumBackoff": "10s", "maximumBackoff": "601s"}},
        {"filter": "nonsense"},
    ],
)
def test_what_pubsub_refuses(document: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        read(NAME, {"topic": TOPIC, **document})
