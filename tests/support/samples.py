"""A small twin, its events, keys and requests, for tests of the functions."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from twin_runtime import model, times
from twin_runtime.events import cloudevents
from twin_runtime.log import Log
from twin_runtime.ports import Event, Message, Request
from twin_runtime.wire import signing

TIME = "2024-02-29T12:00:00.000000Z"
KEY_1 = "whsec_" + b64encode(b"1" * 32).decode()
KEY_2 = "whsec_" + b64encode(b"2" * 32).decode()
API_KEY = "key-of-the-client"

DOCUMENT: dict[str, Any] = {
    "twin": "factory",
    "hot_days": 30,
    "device_types": {
        "thermostat": {
            "telemetry": {"temperature": {"type": "number", "unit": "Cel"}},
            "commands": {"set_point": {"type": "number", "unit": "Cel"}},
            "processor": None,
        },
        "pump": {"telemetry": {"flow": {"type": "number"}}, "commands": {}, "processor": None},
    },
    "devices": {"thermostat-1": "thermostat", "thermostat-2": "thermostat", "pump-1": "pump"},
    "rules": [
        {
            "name": "overheating",
            "device_type": "thermostat",
            "when": {"metric": "temperature", "above": 80},
            "then": {"feedback": {"command": "set_point", "value": 20}, "workflow": True},
        }
    ],
}
TWIN = model.parse(DOCUMENT)


def event(
    id: str = "e1", data: Mapping[str, Any] | None = None, device: str = "thermostat-1", at: str = TIME
) -> Event:
    """A telemetry event of the sample twin."""
    return cloudevents.make(
        cloudevents.TELEMETRY,
        twin=TWIN.name,
        device=device,
        subject=TWIN.devices[device],
        data=data if data is not None else {"temperature": 21.5},
        time=at,
        id=id,
        received=TIME,
    )


def command(id: str = "c1", device: str = "thermostat-1", **data: Any) -> Event:
    """A command that the sample twin's rule makes for a device; `data` is laid over its own."""
    made = {"command": "set_point", "value": 20, "rule": "overheating", "event_id": "e1"}
    made |= {"expires": times.LATEST} | data
    return cloudevents.make(
        cloudevents.COMMAND,
        twin=TWIN.name,
        device=device,
        subject=str(made["command"]),
        data=made,
        time=TIME,
        id=id,
    )


def message(*events: Any, id: str = "m1", attempt: int | None = 1) -> Message:
    """A queue message that carries `events`."""
    return Message(id, json.dumps(list(events)), attempt)


def signed(
    body: bytes,
    *,
    keys: Sequence[str] = (KEY_1,),
    at: float | None = None,
    api_key: str | None = API_KEY,
    headers: Mapping[str, str] | None = None,
) -> Request:
    """A request as a sender makes it; `headers` are laid over its own."""
    stamp = int(time.time() if at is None else at)
    made = {"Content-Type": cloudevents.BATCH_MEDIA_TYPE}
    made |= signing.sign(keys, body, id=signing.webhook_id(body), timestamp=stamp)
    if api_key is not None:
        made["X-Api-Key"] = api_key
    return Request("POST", made | dict(headers or {}), body)


def batch(*events: Any) -> bytes:
    """The body of a request."""
    return json.dumps(list(events)).encode()


class Lines:
    """A log sink that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, _level: str, line: str) -> None:
        self.lines.append(line)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    def named(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.events() if line["event"] == name]


def log(role: str = "test") -> tuple[Log, Lines]:
    """A log and its lines."""
    lines = Lines()
    return Log(role, lines), lines
