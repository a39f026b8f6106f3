"""Commands to devices: direct methods of IoT Hub, by REST. A method is named as the command."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from twin_runtime import jsontext
from twin_runtime.deadlines import DEVICE_S
from twin_runtime.deadlines import Service as Called
from twin_runtime.errors import Refused, Retry
from twin_runtime.ports import Event
from twin_runtime.wire.http_client import HttpClient

from .bounds import of_rest
from .failures import retry
from .rest import Service

SCOPE = "https://iothubs.azure.net/.default"
_API = "2021-04-12"
_CONNECT_SECONDS = 0
"""A device that is not connected is not waited for: the command goes back to its queue."""
_TIMEOUT_S = of_rest(Called.BROKER)
_OFFLINE = "404103"
_UNKNOWN = "404001"


class HubBroker:
    """`twin_runtime.ports.Broker`. `host` is the hub's; a test gives a whole URL."""

    def __init__(self, host: str, credential: Any, http: HttpClient | None = None) -> None:
        self._base = host if "://" in host else f"https://{host}"
        self._service = Service("IoT Hub", SCOPE, credential, http)

    def send(self, device: str, command: Event) -> None:
        """On return the device has run the method. One that is offline, or slow, is tried again later."""
        answer = self._service.post(
            f"{self._base}/twins/{quote(device, safe='')}/methods?api-version={_API}",
            {
                "methodName": command["subject"],
                "responseTimeoutInSeconds": DEVICE_S,
                "connectTimeoutInSeconds": _CONNECT_SECONDS,
                "payload": command,
            },
            timeout=_TIMEOUT_S,
        )
        if answer.status == 200:
            _check_device(answer.body)
        elif answer.status == 404 and _OFFLINE.encode() in answer.body:
            raise Retry("The device is not connected.")
        elif answer.status == 404 and _UNKNOWN.encode() in answer.body:
            raise Refused("The device is not registered with IoT Hub.")
        elif answer.status in (400, 413):
            raise Refused(f"IoT Hub refuses the command ({answer.status}).")
        else:
            raise retry("IoT Hub", answer.status, answer.headers)


def _check_device(body: bytes) -> None:
    """The device's own status, in HTTP's manner: 2xx done, 4xx never, else later."""
    try:
        status = jsontext.loads(body, max_bytes=len(body))["status"]
    except (jsontext.Malformed, KeyError, TypeError):
        raise Retry("IoT Hub's answer was not understood.") from None
    if not isinstance(status, int) or not 200 <= status < 300:
        if isinstance(status, int) and 400 <= status < 500:
            raise Refused(f"The device refuses the command ({status}).")
        raise Retry(f"The device could not run the command ({status}).")
