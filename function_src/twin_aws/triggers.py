"""What Lambda hands to a function and what it takes back, in the runtime's own words."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from twin_runtime import times
from twin_runtime.deadlines import Budget, Limits
from twin_runtime.ports import BrokerMessage, Message, Request, Response

_NOT_MQTT = "n/a"
"""IoT Core's client id of what was not sent over MQTT: by somebody of the account, as devices may only use
MQTT."""


class Context(Protocol):
    """The part of Lambda's context object that is used."""

    def get_remaining_time_in_millis(self) -> int: ...


class Consumer(Protocol):
    def handle(
        self, messages: Sequence[Message], *, budget: float, hand_over: float, letters: float
    ) -> list[str]: ...


class Responder(Protocol):
    def handle(self, request: Request) -> Response: ...


class Scheduled(Protocol):
    """A scheduled role."""

    def run(self, partition: int, partitions: int, *, budget: float) -> object: ...


def consume(role: Consumer, event: Mapping[str, Any], context: Context, limits: Limits) -> dict[str, Any]:
    """A batch of SQS messages; the answer names those that must come again."""
    messages = [
        Message(
            record["messageId"],
            record["body"],
            int(record.get("attributes", {}).get("ApproximateReceiveCount", 1)),
        )
        for record in event["Records"]
    ]
    failed = role.handle(messages, **budget(context, limits)._asdict())
    return {"batchItemFailures": [{"itemIdentifier": id_} for id_ in failed]}


def scheduled(role: Scheduled, event: Mapping[str, Any], context: Context, limits: Limits) -> None:
    """A run that a schedule started, whose input is `{"partition": 0, "partitions": 4}`. What the role raises
    makes the run a failed one.
    """
    role.run(event["partition"], event["partitions"], budget=budget(context, limits).budget)


def respond(role: Responder, event: Mapping[str, Any]) -> dict[str, Any]:
    """A request of API Gateway (REST API, Lambda proxy integration)."""
    response = role.handle(request_of(event))
    return {
        "statusCode": response.status,
        "headers": dict(response.headers),
        "body": response.body.decode("utf-8"),
        "isBase64Encoded": False,
    }


def request_of(event: Mapping[str, Any]) -> Request:
    """The request. A header that is there twice is one with both values, as HTTP has it."""
    body = event.get("body") or ""
    headers = event.get("multiValueHeaders") or {
        name: [value] for name, value in (event.get("headers") or {}).items()
    }
    query = event.get("multiValueQueryStringParameters") or event.get("queryStringParameters") or {}
    identity = (event.get("requestContext") or {}).get("identity") or {}
    return Request(
        method=event["httpMethod"],
        headers={name: ", ".join(values) for name, values in headers.items()},
        body=b64decode(body) if event.get("isBase64Encoded") else body.encode("utf-8"),
        query=query,
        api_key_id=identity.get("apiKeyId") or "",
    )


def budget(context: Context, limits: Limits) -> Budget:
    """The times of a call, of which a part may be over already."""
    return limits.budget(context.get_remaining_time_in_millis() / 1000)


def broker_message(event: Mapping[str, Any]) -> BrokerMessage:
    """What the topic rule selected: the payload in base64, and beside it who sent it and when.

    The topic names the device, and the device's policy lets it publish there alone. Other policies of the
    account may be wider, so the client id must name it too.
    """
    device, client = event.get("device"), event.get("client")
    received = event.get("received")
    problem = None
    try:
        body = b64decode(event["payload"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error):
        body, problem = repr(event.get("payload")).encode(), "The topic rule did not hand over the payload."
    if not isinstance(received, int):
        received, problem = 0, "The topic rule did not hand over the time of receipt."
    if client not in (device, _NOT_MQTT):
        problem = "The device's topic was used by a client of another name."
    return BrokerMessage(
        device=device if isinstance(device, str) else None,
        body=body,
        received=times.from_epoch(received / 1000),
        problem=problem,
    )
