"""What a message of a dead-letter place says, in every form in which one is written there.

| form | who writes it |
|---|---|
| `twin_runtime.delivery.dead_letters`, or the plain message | a role, or the queue itself |
| `{"requestContext", "requestPayload", …}` | Lambda, of an asynchronous call that failed to the end |
| `{"ruleName", "base64OriginalPayload", "failures", …}` | IoT Core, where a rule's action failed |
| a blob with an array of events, each with `deadLetterReason` | Event Grid |
| a device's message, with attributes `CloudPubSubDeadLetter…` | Pub/Sub, of the broker's topic |
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from replay.letters import Letter, Received
from replay.places import Place
from twin_runtime import jsontext, times
from twin_runtime.delivery import dead_letters
from twin_runtime.delivery.dead_letters import DeadLetter
from twin_runtime.ports import BrokerMessage

_MAX_BYTES = 64_000_000
_PUBSUB = "CloudPubSubDeadLetterSource"
FleetSecret = Callable[[], str]


def read(place: Place, message: Received, fleet_secret: FleetSecret | None = None) -> list[Letter]:
    """The letters of a message.

    `fleet_secret` is asked for a device's message on Google Cloud, and may raise `Retry`; without it, such a
    letter can be looked at and not sent.
    """
    if place.kind == "dispatcher":
        if place.cloud == "gcp" and f"{_PUBSUB}DeliveryCount" in message.attributes:
            return [_pubsub(place, message, fleet_secret)]
        document = _json(message.body)
        if place.cloud == "aws" and isinstance(document, dict):
            if "requestPayload" in document and "requestContext" in document:
                return [_lambda(place, message, document)]
            if "base64OriginalPayload" in document:
                return [_iot_rule(place, message, document)]
        if place.cloud == "azure" and place.hop == "broker" and isinstance(document, list):
            return [_event_grid(place, message, item) for item in document]
    return [_own(place, message, content) for content in dead_letters.decode(message.body)]


def _own(place: Place, message: Received, content: DeadLetter) -> Letter:
    handed_over = None
    if place.kind == "dispatcher" and content.body is not None and content.role == "dispatcher":
        body = (
            content.body if isinstance(content.body, bytes) else content.body.encode("utf-8", "surrogatepass")
        )
        handed_over = BrokerMessage(content.device, body, content.received or "")
    at = _seconds(content.time, message.at)
    return Letter(place, at, content, handed_over, raw=content.event, reads=message.reads)


def _lambda(place: Place, message: Received, document: Mapping[str, Any]) -> Letter:
    from twin_aws.triggers import broker_message

    payload = document["requestPayload"]
    answer = document.get("responsePayload")
    error = answer.get("errorType") if isinstance(answer, dict) else None
    context = document["requestContext"]
    condition = context.get("condition") if isinstance(context, dict) else None
    reason = f"The dispatcher failed on every attempt ({error or condition or 'no answer'})."
    handed_over = broker_message(payload if isinstance(payload, dict) else {})
    return _undelivered(place, message, reason, handed_over, _seconds(document.get("timestamp"), message.at))


def _iot_rule(place: Place, message: Received, document: Mapping[str, Any]) -> Letter:
    """The rule's own time is not in it: the queue's stands for it, which is the same at every replay."""
    from twin_aws.triggers import broker_message

    topic = str(document.get("topic", "")).split("/")
    failures = document.get("failures")
    first = failures[0] if isinstance(failures, list) and failures else {}
    said = first.get("errorMessage") if isinstance(first, dict) else None
    reason = f"The topic rule could not hand it over: {str(said or 'no message')[:200]}"
    handed_over = broker_message(
        {
            "payload": document.get("base64OriginalPayload"),
            "device": topic[2] if len(topic) > 2 else None,
            "client": document.get("clientId"),
            "received": int(message.at * 1000),
        }
    )
    return _undelivered(place, message, reason, handed_over, message.at)


def _event_grid(place: Place, message: Received, item: Any) -> Letter:
    from twin_azure import telemetry

    fields = item if isinstance(item, dict) else {}
    handed_over = telemetry.read(fields.get("data"), str(fields.get("eventTime", "")))
    outcome = fields.get("lastDeliveryOutcome") or fields.get("lastDeliveryResult")
    why = ", ".join(str(word) for word in (fields.get("deadLetterReason"), outcome) if word)
    reason = f"Event Grid could not deliver it ({why or 'no reason'})."
    at = _seconds(fields.get("lastDeliveryAttemptTime") or fields.get("publishTime"), message.at)
    return _undelivered(place, message, reason, handed_over, at, raw=item)


def _pubsub(place: Place, message: Received, fleet_secret: FleetSecret | None) -> Letter:
    """As the dispatcher reads a push: the signature counts at the time when the device published."""
    from twin_gcp import devices

    sent = message.attributes.get(f"{_PUBSUB}TopicPublishTime")
    problem = None
    try:
        published = times.normalise(sent)
    except ValueError:
        published, problem = times.from_epoch(message.at), "Pub/Sub did not say when it was published."
    named = message.attributes.get("device_id")
    if fleet_secret is None:
        problem = "The device's signature was not checked."
    elif problem is None:
        problem = devices.problem(fleet_secret(), message.attributes, message.body, published)
    handed_over = BrokerMessage(named if problem is None else None, message.body, published, problem)
    return _undelivered(place, message, dead_letters.MOVED_BY_QUEUE, handed_over, message.at, named=named)


def _undelivered(
    place: Place,
    message: Received,
    reason: str,
    handed_over: BrokerMessage,
    at: float,
    *,
    raw: Any = None,
    named: str | None = None,
) -> Letter:
    content = DeadLetter(
        reason,
        body=handed_over.body,
        device=named or handed_over.device,
        received=handed_over.received,
    )
    return Letter(place, at, content, handed_over, raw=raw, reads=message.reads)


def _json(body: bytes) -> Any:
    try:
        return jsontext.loads(body, max_bytes=_MAX_BYTES, max_depth=jsontext.MAX_DEPTH + 8)
    except jsontext.Malformed:
        return None


def _seconds(text: Any, otherwise: float) -> float:
    """Unix seconds of an RFC 3339 text."""
    try:
        return datetime.fromisoformat(times.normalise(text)).timestamp()
    except ValueError:
        return otherwise


def payload_of(text: str) -> bytes:
    """The bytes of a storage queue's message: base64, or what somebody put there without."""
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return text.encode("utf-8", "surrogatepass")
