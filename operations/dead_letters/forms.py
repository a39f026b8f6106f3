"""Parse the messages of dead-letter queues and containers.

| form | writer |
|---|---|
| `twin_runtime.delivery.dead_letters`, or the plain message | a function, or the queue itself |
| `{"requestContext", "requestPayload", …}` | Lambda, for an asynchronous call that failed on every attempt |
| `{"ruleName", "base64OriginalPayload", "failures", …}` | IoT Core, when a rule's action failed |
| a blob with an array of events, each with `deadLetterReason` | Event Grid |
| a device's message, with attributes `CloudPubSubDeadLetter…` | Pub/Sub, for the broker's topic |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from operations.dead_letters.letters import Letter, Received
from operations.dead_letters.locations import Location
from twin_runtime import jsontext, times
from twin_runtime.delivery import dead_letters
from twin_runtime.delivery.dead_letters import DeadLetter
from twin_runtime.ports import BrokerMessage

_MAX_BYTES = 64_000_000
_PUBSUB = "CloudPubSubDeadLetterSource"
Authentic = Callable[[Mapping[str, str], bytes, str], str | None]
"""Receives attributes, data and time of a device's message; why it is not the device's, None when it is."""


def read(location: Location, message: Received, authentic: Authentic | None = None) -> list[Letter]:
    """Return the letters of a message.

    `authentic` is called for a device's message on Google Cloud, and may raise `Retry`. Without `authentic`
    such a letter can be listed but not resent.
    """
    if location.kind == "dispatcher":
        if location.cloud == "gcp" and f"{_PUBSUB}DeliveryCount" in message.attributes:
            return [_pubsub(location, message, authentic)]
        document = _json(message.body)
        if location.cloud == "aws" and isinstance(document, dict):
            if "requestPayload" in document and "requestContext" in document:
                return [_lambda(location, message, document)]
            if "base64OriginalPayload" in document:
                return [_iot_rule(location, message, document)]
        if location.cloud == "azure" and location.hop == "broker" and isinstance(document, list):
            return [_event_grid(location, message, item) for item in document]
    return [_own(location, message, content) for content in dead_letters.decode(message.body)]


def _own(location: Location, message: Received, content: DeadLetter) -> Letter:
    original = None
    if location.kind == "dispatcher" and content.body is not None and content.role == "dispatcher":
        body = (
            content.body if isinstance(content.body, bytes) else content.body.encode("utf-8", "surrogatepass")
        )
        original = BrokerMessage(content.device, body, content.received or "", sent=content.sent or "")
    at = _seconds(content.time, message.at)
    return Letter(location, at, content, original, raw=content.event, reads=message.reads)


def _lambda(location: Location, message: Received, document: Mapping[str, Any]) -> Letter:
    from twin_aws.triggers import broker_message

    payload = document["requestPayload"]
    answer = document.get("responsePayload")
    error = answer.get("errorType") if isinstance(answer, dict) else None
    context = document["requestContext"]
    condition = context.get("condition") if isinstance(context, dict) else None
    reason = f"The dispatcher failed on every attempt ({error or condition or 'no answer'})."
    original = broker_message(payload if isinstance(payload, dict) else {})
    return _undelivered(location, message, reason, original, _seconds(document.get("timestamp"), message.at))


def _iot_rule(location: Location, message: Received, document: Mapping[str, Any]) -> Letter:
    """Parse a rule's error. It lacks the time of receipt; the queue's time is used, which never changes."""
    from twin_aws.triggers import broker_message

    topic = str(document.get("topic", "")).split("/")
    failures = document.get("failures")
    first = failures[0] if isinstance(failures, list) and failures else {}
    said = first.get("errorMessage") if isinstance(first, dict) else None
    reason = f"The topic rule failed: {str(said or 'no message')[:200]}"
    original = broker_message(
        {
            "payload": document.get("base64OriginalPayload"),
            "device": topic[2] if len(topic) > 2 else None,
            "client": document.get("clientId"),
            "received": int(message.at * 1000),
        }
    )
    return _undelivered(location, message, reason, original, message.at)


def _event_grid(location: Location, message: Received, item: Any) -> Letter:
    from twin_azure import telemetry

    fields = item if isinstance(item, dict) else {}
    original = telemetry.read(fields.get("data"), str(fields.get("eventTime", "")))
    outcome = fields.get("lastDeliveryOutcome") or fields.get("lastDeliveryResult")
    why = ", ".join(str(word) for word in (fields.get("deadLetterReason"), outcome) if word)
    reason = f"Event Grid could not deliver it ({why or 'no reason'})."
    at = _seconds(fields.get("lastDeliveryAttemptTime") or fields.get("publishTime"), message.at)
    return _undelivered(location, message, reason, original, at, raw=item)


def _pubsub(location: Location, message: Received, authentic: Authentic | None) -> Letter:
    """Check the signature as the dispatcher does, at the time at which the device published."""
    from twin_gcp import devices

    sent = message.attributes.get(f"{_PUBSUB}TopicPublishTime")
    problem = None
    try:
        published = times.normalise(sent)
    except ValueError:
        published, problem = (
            times.from_epoch(message.at),
            "Pub/Sub did not state when the message was published.",
        )
    named = message.attributes.get("device_id")
    if authentic is None:
        problem = "The device's signature was not checked."
    elif problem is None:
        problem = authentic(message.attributes, message.body, published)
    signed = devices.signed_at(message.attributes) if problem is None else ""
    original = BrokerMessage(named if problem is None else None, message.body, published, problem, signed)
    return _undelivered(location, message, dead_letters.MOVED_BY_QUEUE, original, message.at, named=named)


def _undelivered(
    location: Location,
    message: Received,
    reason: str,
    original: BrokerMessage,
    at: float,
    *,
    raw: Any = None,
    named: str | None = None,
) -> Letter:
    content = DeadLetter(
        reason,
        body=original.body,
        device=named or original.device,
        received=original.received,
        sent=original.sent or None,
    )
    return Letter(location, at, content, original, raw=raw, reads=message.reads)


def _json(body: bytes) -> Any:
    try:
        return jsontext.loads(body, max_bytes=_MAX_BYTES, max_depth=jsontext.MAX_DEPTH + 8)
    except jsontext.Malformed:
        return None


def _seconds(text: Any, otherwise: float) -> float:
    """Return the Unix time of RFC 3339 text, or `otherwise`."""
    try:
        return datetime.fromisoformat(times.normalise(text)).timestamp()
    except ValueError:
        return otherwise
