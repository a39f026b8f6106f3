"""Every form in which a dead letter is written: who sent it, when, why, and whether it can go back."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest

from operations.dead_letters import forms
from operations.dead_letters.letters import Letter, Received
from operations.dead_letters.locations import Location
from operations.dead_letters.targets import DispatcherTarget, Unsendable
from support.memory import MemoryQueue
from support.samples import TIME, TWIN, event
from twin_gcp import devices
from twin_runtime.delivery.dead_letters import MOVED_BY_QUEUE, DeadLetter, DeadLetters, encode
from twin_runtime.events import payload
from twin_runtime.functions.dispatcher import Dispatcher
from twin_runtime.log import Log
from twin_runtime.ports import BrokerMessage

AWS = Location("aws", "telemetry", "dispatcher", "dead", "processing")
AZURE = Location("azure", "telemetry", "dispatcher", "dead", "processing")
BROKER = Location("azure", "broker", "dispatcher", "container", "processing")
GCP = Location("gcp", "telemetry", "dispatcher", "dead", "processing", fleet_secret="fleet")
PROCESSING = Location("aws", "processing", "queue", "dead", "processing")
AT = 1_709_208_000.0
"""TIME in Unix seconds."""
BODY = b'{"temperature": 21.50}'
FLEET = "the fleet's secret"


def read(
    location: Location,
    body: Any,
    *,
    at: float = AT,
    fleet: str | None = FLEET,
    attributes: dict[str, str] | None = None,
) -> list[Letter]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    authentic: forms.Authentic | None = None
    if fleet is not None:
        authentic = lambda sent, data, at: devices.problem(fleet, sent, data, at, {})  # noqa: E731
    return forms.read(location, Received("m1", data, at, "handle", attributes or {}), authentic)


def sent_back(letter: Letter) -> list[dict]:
    """The events that a resend makes of the letter; raises `Unsendable`."""
    prepared = DispatcherTarget(MemoryQueue(), TWIN).prepare(letter)
    return [each for body in prepared.bodies for each in json.loads(body)]


def expected(received: str = TIME) -> list[Any]:
    found = payload.read(BrokerMessage("thermostat-1", BODY, received), "thermostat-1", TWIN, AT)
    return [json.loads(each) for each in found if isinstance(each, str)]


def failed_call(**payload: Any) -> dict[str, Any]:
    """What Lambda keeps of an asynchronous call that failed on every attempt."""
    request = {"payload": b64encode(BODY).decode(), "device": "thermostat-1", "client": "thermostat-1"}
    return {
        "version": "1.0",
        "timestamp": "2024-02-29T18:00:00.000Z",
        "requestContext": {"requestId": "1", "condition": "RetriesExhausted", "approximateInvokeCount": 3},
        "requestPayload": request | {"received": int(AT * 1000)} | payload,
        "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
        "responsePayload": {"errorMessage": "…", "errorType": "Retry"},
    }


def test_a_failed_asynchronous_call_of_the_dispatcher() -> None:
    (letter,) = read(AWS, failed_call())
    assert letter.reason == "The dispatcher failed on every attempt (Retry)."
    assert (letter.device, letter.at) == ("thermostat-1", AT + 6 * 3600)
    assert sent_back(letter) == expected(), "as if it had been dispatched at once"


def test_a_call_that_never_got_an_answer() -> None:
    document = failed_call()
    del document["responsePayload"]
    (letter,) = read(AWS, document)
    assert "RetriesExhausted" in letter.reason


def test_a_device_that_used_anothers_topic_is_not_believed() -> None:
    (letter,) = read(AWS, failed_call(client="thermostat-2"))
    with pytest.raises(Unsendable, match="another name"):
        sent_back(letter)


@pytest.mark.parametrize("broken", [{"payload": None}, {"received": None}, {"device": None, "client": None}])
def test_a_call_without_what_the_rule_hands_over(broken: dict[str, Any]) -> None:
    (letter,) = read(AWS, failed_call(**broken))
    with pytest.raises(Unsendable):
        sent_back(letter)


def rule_error(**changes: Any) -> dict[str, Any]:
    """What IoT Core keeps where the rule's action failed."""
    return {
        "ruleName": "factory_telemetry",
        "topic": "factory/devices/thermostat-1/telemetry",
        "cloudwatchTraceId": "1",
        "clientId": "thermostat-1",
        "base64OriginalPayload": b64encode(BODY).decode(),
        "failures": [{"failedAction": "LambdaAction", "errorMessage": "Rate exceeded"}],
    } | changes


def test_what_the_topic_rule_could_not_hand_over() -> None:
    (letter,) = read(AWS, rule_error())
    assert letter.reason == "The topic rule failed: Rate exceeded"
    assert letter.device == "thermostat-1"
    assert sent_back(letter) == expected(), "the queue's time stands for the rule's"
    (again,) = read(AWS, rule_error())
    assert sent_back(again) == sent_back(letter)


@pytest.mark.parametrize(
    "changes", [{"clientId": "thermostat-2"}, {"topic": "x"}, {"base64OriginalPayload": 5}]
)
def test_a_rule_error_that_names_no_device(changes: dict[str, Any]) -> None:
    (letter,) = read(AWS, rule_error(**changes))
    with pytest.raises(Unsendable):
        sent_back(letter)


def undelivered(**properties: str) -> dict[str, Any]:
    """An event in a blob of Event Grid's."""
    return {
        "id": "1",
        "topic": "/subscriptions/…",
        "subject": "devices/thermostat-1",
        "eventType": "Microsoft.Devices.DeviceTelemetry",
        "eventTime": "2024-02-29T13:00:00.0000000Z",
        "data": {
            "properties": {},
            "systemProperties": {
                "iothub-connection-device-id": "thermostat-1",
                "iothub-enqueuedtime": "2024-02-29T12:00:00.0000000Z",
            }
            | properties,
            "body": b64encode(BODY).decode(),
        },
        "deadLetterReason": "MaxDeliveryAttemptsExceeded",
        "deliveryAttempts": 30,
        "lastDeliveryOutcome": "TimedOut",
        "lastDeliveryAttemptTime": "2024-03-01T12:00:00Z",
    }


def test_a_blob_of_event_grid_is_a_letter_per_event() -> None:
    first, second = read(BROKER, [undelivered(), undelivered(**{"iothub-connection-device-id": "gone"})])
    assert first.reason == "Event Grid could not deliver it (MaxDeliveryAttemptsExceeded, TimedOut)."
    assert (first.device, first.at) == ("thermostat-1", AT + 86_400)
    assert first.raw == undelivered()
    assert sent_back(first) == expected()
    with pytest.raises(Unsendable, match="not known"):
        sent_back(second)


def test_a_blob_of_something_else() -> None:
    (letter,) = read(BROKER, [5])
    with pytest.raises(Unsendable):
        sent_back(letter)
    (letter,) = read(BROKER, b"not JSON")
    with pytest.raises(Unsendable):
        sent_back(letter)


def moved(body: bytes = BODY, *, key: str = FLEET, late: int = 0, **changes: str) -> dict[str, str]:
    """The attributes of a device's message that Pub/Sub moved by itself."""
    signed = devices.attributes(devices.device_key(key, "thermostat-1"), "thermostat-1", int(AT) + late, body)
    source = "CloudPubSubDeadLetterSource"
    return {
        **signed,
        f"{source}DeliveryCount": "60",
        f"{source}Subscription": "factory-telemetry",
        f"{source}TopicPublishTime": "2024-02-29T12:00:00.000+00:00",
        **changes,
    }


def test_a_devices_message_that_pubsub_moved() -> None:
    (letter,) = read(GCP, BODY, at=AT + 5_000, attributes=moved())
    assert letter.reason == MOVED_BY_QUEUE
    assert (letter.device, letter.at) == ("thermostat-1", AT + 5_000)
    assert sent_back(letter) == expected(), "at the time when the device published it"


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        (moved(key="another"), "not that of the device"),
        (moved(late=301), "seconds off"),
        (moved(CloudPubSubDeadLetterSourceTopicPublishTime=""), "when the message was published"),
        (moved(device_id="thermostat-2"), "not that of the device"),
    ],
)
def test_a_devices_message_with_a_wrong_signature(attributes: dict[str, str], why: str) -> None:
    (letter,) = read(GCP, BODY, attributes=attributes)
    assert letter.device == attributes["device_id"], "the list says whom it names"
    with pytest.raises(Unsendable, match=why):
        sent_back(letter)


def test_a_device_that_was_revoked_since() -> None:
    """The dispatcher drops its messages, which would look as if they had been sent."""
    (letter,) = read(GCP, BODY, attributes=moved())
    target = DispatcherTarget(MemoryQueue(), replace(TWIN, revoked=frozenset({"thermostat-1"})))
    with pytest.raises(Unsendable, match="revoked"):
        target.prepare(letter)


def test_without_the_fleets_secret_it_can_be_looked_at_alone() -> None:
    (letter,) = read(GCP, BODY, fleet=None, attributes=moved())
    with pytest.raises(Unsendable, match="signature was not checked"):
        sent_back(letter)


def test_a_devices_message_cannot_pass_for_a_dispatchers_letter() -> None:
    forged = encode(
        DeadLetter("x", body='{"temperature": 1}', device="thermostat-2", received=TIME),
        role="dispatcher",
        time=TIME,
        max_bytes=10_000,
    ).encode()
    (letter,) = read(GCP, forged, attributes=moved(forged))
    assert letter.device == "thermostat-1"


@pytest.mark.parametrize("location", [AWS, AZURE, GCP], ids=lambda location: location.cloud)
def test_the_dispatchers_own_letter(location: Location) -> None:
    letters = MemoryQueue()
    dead = DeadLetters(letters, Log("dispatcher", lambda *_: None), clock=lambda: AT)
    dispatcher = Dispatcher(twin=TWIN, queue=MemoryQueue(), dead=dead, log=Log("dispatcher", lambda *_: None))
    dispatcher.handle(
        [
            BrokerMessage("gone", BODY, TIME),
            BrokerMessage("thermostat-1", BODY, TIME, problem="The signature is wrong."),
        ]
    )
    unknown, forged = (read(location, body.encode())[0] for body in letters.bodies)
    assert (unknown.device, unknown.at, unknown.content.role) == ("gone", AT, "dispatcher")
    with pytest.raises(Unsendable, match="not known"):
        sent_back(unknown)
    with pytest.raises(Unsendable, match="The signature is wrong"):
        sent_back(forged)


def test_a_roles_letter_and_a_message_that_a_queue_moved() -> None:
    text = encode(DeadLetter("No.", event=event()), role="processor", time=TIME, max_bytes=10_000)
    (letter,) = read(PROCESSING, text.encode(), at=0.0)
    assert (letter.reason, letter.device, letter.event_id, letter.at) == ("No.", "thermostat-1", "e1", AT)
    first, second = read(PROCESSING, [event("e1"), event("e2")])
    assert (first.reason, second.event_id, second.at) == (MOVED_BY_QUEUE, "e2", AT)


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"{}", b'{"dead_letter": 1}', b'{"dead_letter": 1, "reason": 5}']
)
def test_whatever_lies_there_is_a_letter(body: bytes) -> None:
    for location in (AWS, AZURE, BROKER, GCP, PROCESSING):
        (letter,) = read(location, body)
        assert letter.event is None
