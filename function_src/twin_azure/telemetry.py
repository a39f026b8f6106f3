"""What Event Grid hands over of a device's message to IoT Hub."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from twin_runtime import jsontext
from twin_runtime.ports import BrokerMessage

_DEVICE = "iothub-connection-device-id"
_ENQUEUED = "iothub-enqueuedtime"
_TYPE = "iothub-content-type"
_ENCODING = "iothub-content-encoding"
_UNICODE = ("utf-8", "utf-16", "utf-32")


def read(data: Any, event_time: str) -> BrokerMessage:
    """The message in an event's `data`. `event_time` counts where IoT Hub did not say when it took it.

    The device is the one that IoT Hub authenticated. The body is a JSON value where the device declared
    JSON in Unicode, and base64 of the bytes where it did not.
    """
    data = data if isinstance(data, Mapping) else {}
    properties = data.get("systemProperties")
    properties = properties if isinstance(properties, Mapping) else {}
    device, received = properties.get(_DEVICE), properties.get(_ENQUEUED)
    problem = None
    try:
        body = _body(data.get("body"), declared=_declares_json(properties))
    except (jsontext.Malformed, ValueError):
        body, problem = b"", "The event's body could not be read."
    return BrokerMessage(
        device=device if isinstance(device, str) else None,
        body=body,
        received=received if isinstance(received, str) else event_time,
        problem=problem,
    )


def _declares_json(properties: Mapping[str, Any]) -> bool:
    media_type = str(properties.get(_TYPE, "")).partition(";")[0].strip().lower()
    return media_type == "application/json" and str(properties.get(_ENCODING, "")).lower() in _UNICODE


def _body(body: Any, *, declared: bool) -> bytes:
    if declared or not isinstance(body, str):
        return jsontext.dumps(body).encode("ascii")
    return b64decode(body, validate=True)
