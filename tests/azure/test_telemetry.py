"""What Event Grid hands over: learn.microsoft.com/azure/event-grid/event-schema-iot-hub."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from twin_azure.telemetry import read

TIME = "2024-02-29T12:00:00+00:00"
ENQUEUED = "2024-02-29T11:59:59.999Z"


def data(body: Any, **properties: str) -> dict[str, Any]:
    system = {
        "iothub-connection-device-id": "thermostat-1",
        "iothub-enqueuedtime": ENQUEUED,
        "iothub-message-source": "Telemetry",
    }
    return {"properties": {}, "systemProperties": system | properties, "body": body}


JSON = {"iothub-content-type": "application/json", "iothub-content-encoding": "utf-8"}


def test_a_declared_json_body_comes_as_a_value() -> None:
    message = read(data({"temperature": 21.5}, **JSON), TIME)
    assert (message.device, message.received, message.problem) == ("thermostat-1", ENQUEUED, None)
    assert json.loads(message.body) == {"temperature": 21.5}


def test_any_other_body_comes_in_base64() -> None:
    sent = b'{"temperature": 21.5}'
    assert read(data(b64encode(sent).decode()), TIME).body == sent


@pytest.mark.parametrize("sent", [b"\xff\x00 not JSON", b"", b'"text"'])
def test_bytes_come_back_as_they_were(sent: bytes) -> None:
    assert read(data(b64encode(sent).decode()), TIME).body == sent


def test_a_declared_json_string_is_not_taken_for_base64() -> None:
    assert read(data("c3RyaW5n", **JSON), TIME).body == b'"c3RyaW5n"'


@pytest.mark.parametrize(
    ("kind", "encoding", "is_json"),
    [
        ("application/json; charset=utf-8", "UTF-8", True),
        ("APPLICATION/JSON", "utf-16", True),
        ("application/json", "", False),
        ("text/plain", "utf-8", False),
    ],
)
def test_what_counts_as_declared(kind: str, encoding: str, is_json: bool) -> None:
    properties = {"iothub-content-type": kind, "iothub-content-encoding": encoding}
    assert read(data("MQ==", **properties), TIME).body == (b'"MQ=="' if is_json else b"1")


@pytest.mark.parametrize("body", ["no base64!", "MQ", {"t": float("inf")}])
def test_a_body_that_cannot_be_read_is_a_problem_and_no_error(body: Any) -> None:
    message = read(data(body), TIME)
    assert message.problem == "The event's body could not be read."
    assert message.device == "thermostat-1"


@pytest.mark.parametrize(
    "strange", [None, [], "text", {}, {"systemProperties": None}, {"systemProperties": []}]
)
def test_without_the_hub_s_word_there_is_no_device(strange: Any) -> None:
    message = read(strange, TIME)
    assert message.device is None
    assert message.received == TIME


def test_the_device_is_never_taken_from_what_the_device_said() -> None:
    told = data({"device": "other", "iothub-connection-device-id": "other"}, **JSON)
    told["properties"] = {"iothub-connection-device-id": "other"}
    assert read(told, TIME).device == "thermostat-1"
