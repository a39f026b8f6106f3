"""A device's message as Event Grid hands it on, and as the dispatcher reads it."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest

from local_cloud.azure.iot_hub import telemetry_event
from twin_azure import telemetry

DECLARED = "%24.ct=application%2Fjson&%24.ce=utf-8"
HUB = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Devices/IotHubs/hub"
AT = 1_769_860_800.25


def event(bag: str, body: bytes) -> dict[str, object]:
    return json.loads(telemetry_event.event(HUB, "pump-1", bag, body, AT))


def test_its_shape() -> None:
    made = event(DECLARED + "&site=north", b'{"flow": 1}')
    assert made["eventType"] == "Microsoft.Devices.DeviceTelemetry"
    assert (made["subject"], made["topic"]) == ("devices/pump-1", HUB.upper())
    assert made["eventTime"] == "2026-01-31T12:00:00.250Z"
    data = made["data"]
    assert isinstance(data, dict)
    assert data["properties"] == {"site": "north"}
    assert data["body"] == {"flow": 1}
    system = data["systemProperties"]
    assert system["iothub-connection-device-id"] == "pump-1"
    assert system["iothub-enqueuedtime"] == made["eventTime"]
    assert system["iothub-content-type"] == "application/json"


@pytest.mark.parametrize("bag", ["", "%24.ct=application%2Fjson", "%24.ct=text%2Fplain&%24.ce=utf-8"])
def test_a_body_that_is_not_declared_json_in_unicode_is_base64(bag: str) -> None:
    data = event(bag, b'{"flow": 1}')["data"]
    assert isinstance(data, dict)
    assert b64decode(data["body"]) == b'{"flow": 1}'


def test_a_declared_body_keeps_every_digit() -> None:
    text = telemetry_event.event(HUB, "pump-1", DECLARED, b'{"flow":28.500000000000000001}', AT)
    assert '"body": {"flow":28.500000000000000001}' in text


def test_a_declared_body_that_is_not_json_is_base64() -> None:
    data = event(DECLARED, b"\xff{")["data"]
    assert isinstance(data, dict)
    assert b64decode(data["body"]) == b"\xff{"


@pytest.mark.parametrize("bag", ["", DECLARED])
def test_the_dispatcher_reads_it(bag: str) -> None:
    made = event(bag, b'{"flow":1}')
    read = telemetry.read(made["data"], "another time")
    assert (read.device, read.received, read.problem) == ("pump-1", "2026-01-31T12:00:00.250Z", None)
    assert json.loads(read.body) == {"flow": 1}
