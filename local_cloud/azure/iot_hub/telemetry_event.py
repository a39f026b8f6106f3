"""A device's message as the event that IoT Hub hands to Event Grid (`Microsoft.Devices.DeviceTelemetry`)."""

from __future__ import annotations

import json
import uuid
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import unquote

TYPE = "Microsoft.Devices.DeviceTelemetry"
_UNICODE = ("utf-8", "utf-16", "utf-32")
_SYSTEM = {
    "$.ct": "iothub-content-type",
    "$.ce": "iothub-content-encoding",
    "$.mid": "message-id",
    "$.cid": "correlation-id",
    "$.uid": "user-id",
    "$.ctime": "iothub-creation-time-utc",
}
_AUTH_METHOD = '{"scope":"device","type":"x509Certificate","issuer":"external"}'


def properties(bag: str) -> tuple[dict[str, str], dict[str, str]]:
    """System and own properties of the last level of a message's topic: `%24.ct=application%2Fjson&a=b`."""
    system: dict[str, str] = {}
    own: dict[str, str] = {}
    for pair in bag.split("&") if bag else ():
        name, _, value = (unquote(part) for part in pair.partition("="))
        if name in _SYSTEM:
            system[_SYSTEM[name]] = value
        elif not name.startswith("$."):
            own[name] = value
    return system, own


def event(hub_id: str, device: str, bag: str, body: bytes, at: float) -> str:
    """The event in JSON, taken in at `at` (Unix time).

    The body is the device's own JSON, unchanged to the last digit, where the device declared JSON in Unicode,
    and base64 of its bytes where it did not.
    """
    system, own = properties(bag)
    moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    system |= {
        "iothub-connection-device-id": device,
        "iothub-connection-auth-method": _AUTH_METHOD,
        "iothub-enqueuedtime": moment,
        "iothub-message-source": "Telemetry",
    }
    data = json.dumps({"properties": own, "systemProperties": system})
    head = json.dumps(
        {
            "id": str(uuid.uuid4()),
            "topic": hub_id.upper(),
            "subject": f"devices/{device}",
            "eventType": TYPE,
            "eventTime": moment,
            "dataVersion": "",
            "metadataVersion": "1",
        }
    )
    return f'{head[:-1]}, "data": {data[:-1]}, "body": {_body(system, body)}}}}}'


def _body(system: Mapping[str, str], body: bytes) -> str:
    media_type = system.get("iothub-content-type", "").partition(";")[0].strip().lower()
    encoding = system.get("iothub-content-encoding", "").lower()
    if media_type == "application/json" and encoding in _UNICODE:
        try:
            text = body.decode(encoding)
            json.loads(text)
        except ValueError:
            pass
        else:
            return text
    return json.dumps(b64encode(body).decode())
