"""The dispatcher's reading of what the simulator sends."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from twin_runtime import model, times
from twin_runtime.events import payload
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

    def read(
        body: bytes | Any, device: str = "d-1", at: float | None = None
    ) -> list[Event | payload.Unreadable]:
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        now = time.time() if at is None else at
        message = BrokerMessage(device, body, times.from_epoch(now))
        found = payload.read(message, device, twin, now)
        return [json.loads(each) if isinstance(each, str) else each for each in found]

    return read
