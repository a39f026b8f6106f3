"""Direct methods: IoT Hub's REST call on one side, MQTT's `$iothub/methods` on the other."""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Any

from local_cloud.azure.iot_hub.presence import Presence
from local_cloud.azure.tokens import Tokens
from local_cloud.web import Answer, Request, json_answer

AUDIENCE = "https://iothubs.azure.net"
ANSWERS = "+/$iothub/methods/res/#"
_PATH = re.compile(r"/twins/(?P<device>[^/]+)/methods")
_ANSWER = re.compile(r"(?P<device>[^/]+)/\$iothub/methods/res/(?P<status>\d+)/\?\$rid=(?P<rid>.+)")
_UNKNOWN, _OFFLINE, _TIMED_OUT = 404001, 404103, 504101
_LONGEST_S = 300.0

Publish = Callable[[str, bytes], None]


class DirectMethods:
    """Calls methods of `devices`. `publish(topic, payload)` sends without keeping the message for later."""

    def __init__(
        self, devices: Collection[str], presence: Presence, tokens: Tokens, publish: Publish
    ) -> None:
        self._devices = frozenset(devices)
        self._presence = presence
        self._tokens = tokens
        self._publish = publish
        self._calls: dict[tuple[str, str], _Call] = {}

    def __call__(self, request: Request) -> Answer:
        """`POST /twins/<device>/methods`, as the service's REST interface has it."""
        found = _PATH.fullmatch(request.path)
        if found is None or request.method != "POST" or "api-version" not in request.query:
            return Answer(404)
        claims = self._tokens.claims(request.headers.get("authorization"))
        if claims is None or claims["aud"] != AUDIENCE:
            return json_answer(401, {"Message": "ErrorCode:IotHubUnauthorizedAccess;Unauthorized"})
        try:
            asked = request.json()
            name, seconds = asked["methodName"], float(asked.get("responseTimeoutInSeconds", 30))
        except (ValueError, KeyError, TypeError):
            return json_answer(400, {"Message": "ErrorCode:ArgumentInvalid;The method was not understood."})
        return self._invoke(found["device"], name, asked, min(seconds, _LONGEST_S))

    def answered(self, topic: str, payload: bytes) -> None:
        """A message of `ANSWERS`."""
        found = _ANSWER.fullmatch(topic)
        call = self._calls.get((found["device"], found["rid"])) if found else None
        if found and call:
            call.status, call.payload = int(found["status"]), payload
            call.done.set()

    def _invoke(self, device: str, name: str, asked: Mapping[str, Any], seconds: float) -> Answer:
        if device not in self._devices:
            return _refusal(404, _UNKNOWN, "Device is not registered.")
        if not self._presence.reachable(device):
            return _refusal(404, _OFFLINE, "Timed out waiting for device to connect.")
        rid, call = uuid.uuid4().hex, _Call()
        self._calls[device, rid] = call
        try:
            payload = json.dumps(asked.get("payload")).encode()
            self._publish(f"{device}/$iothub/methods/POST/{name}/?$rid={rid}", payload)
            if not call.done.wait(seconds):
                return _refusal(504, _TIMED_OUT, "Timed out waiting for the response from device.")
        finally:
            del self._calls[device, rid]
        body = call.payload.decode("utf-8", "replace") or "null"
        return Answer(200, f'{{"status": {call.status}, "payload": {body}}}'.encode())


class _Call:
    def __init__(self) -> None:
        self.done = threading.Event()
        self.status = 0
        self.payload = b""


def _refusal(status: int, code: int, message: str) -> Answer:
    """The service's way of telling an error: JSON in a text of JSON."""
    told = {"errorCode": code, "trackingId": uuid.uuid4().hex, "message": message}
    return json_answer(status, {"Message": json.dumps(told), "ExceptionMessage": ""})
