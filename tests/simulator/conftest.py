"""The dispatcher's reading of what the simulator sends."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from twin_runtime import model, payload
from twin_runtime.ports import BrokerMessage, Event


@pytest.fixture
def twin() -> model.Twin:
    return model.parse(
        {
            "twin": "factory",
            "hot_days": 30,
            "devices": {f"d-{number}": "thermostat" for number in range(1, 6)},
            "device_types": {"thermostat": {}},
        }
    )


@pytest.fixture
def receive(twin: model.Twin) -> Callable[..., list[Event | payload.Unreadable]]:
    """What the functions make of a message: events, or what they could not read."""

    def read(body: bytes | Any, device: str = "d-1") -> list[Event | payload.Unreadable]:
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        message = BrokerMessage(device=device, body=body, received="2024-02-29T12:00:00Z", problem=None)
        return payload.read(message, device, twin)

    return read
