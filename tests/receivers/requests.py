"""Signed requests to the receivers of the three clouds, and what a receiver has made durable."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any

from support.deployed import Deployed
from support.loopback import Loopback
from support.platforms import Reply, Wire
from support.samples import TWIN, batch, command, event, signed
from twin_runtime.ports import Event

RECEIVERS = ("ingestion", "writer", "event_feedback")
SENTENCE_LENGTH = 200


def good(role: str, count: int = 2) -> list[Event]:
    """Events that the receiver takes."""
    make = command if role == "event_feedback" else event
    return [make(f"e{n}") for n in range(count)]


def request(function: Deployed, body: bytes, **changes: Any) -> Wire:
    """As a sender makes it; `changes` are those of `samples.signed`. A header that is None is left out."""
    headers: Mapping[str, str | None] = changes.pop("headers", {})
    made = signed(body, **changes)
    laid = {name.lower(): value for name, value in made.headers.items()} | dict(headers)
    kept = tuple((name, value) for name, value in laid.items() if value is not None)
    return Wire("POST", function.path, kept, made.body)


def post(server: Loopback, wire: Wire) -> Reply:
    """Over HTTP."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    try:
        connection.putrequest(wire.method, wire.target, skip_accept_encoding=True)
        for name, value in (*wire.headers, ("content-length", str(len(wire.body)))):
            connection.putheader(name, value)
        connection.endheaders(wire.body)
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, headers, answer.read())
    finally:
        connection.close()


def durable(function: Deployed) -> list[Any]:
    """Everything that the receiver has queued, stored or told a device, but for its own notes."""
    memory = function.memory
    queued = [each for body in memory.queue("PROCESSING_QUEUE").bodies for each in json.loads(body)]
    stored = [row for row in memory.store("STORE").rows.values() if not row.device.startswith("~")]
    return [*queued, *stored, *memory.broker("BROKER").sent]


def check_refusal(reply: Reply) -> None:
    """JSON with one sentence, which tells nothing of this side."""
    assert reply.headers["content-type"] == "application/json"
    document = json.loads(reply.body)
    assert document.keys() == {"error"}
    sentence = document["error"]
    assert sentence.endswith(".") and "\n" not in sentence
    assert len(sentence) < SENTENCE_LENGTH
    assert not any(word in sentence for word in ("Traceback", "Error", "whsec_", ".py", TWIN.name))


def batch_of(role: str) -> bytes:
    return batch(*good(role))
