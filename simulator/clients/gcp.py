"""Google Cloud Pub/Sub over REST: signed messages to the twin's topic, commands from the device's own
subscription.
"""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

from simulator.clients.base import Client, OnCommand
from simulator.endpoint import GcpEndpoint
from simulator.errors import NotAcknowledged, NotConnected
from twin_gcp.devices import attributes, device_key
from twin_runtime.errors import Retry
from twin_runtime.wire.http_client import Answer, HttpClient

_PULL_S = 20.0
_PULL_PAUSE_S = 0.2
_PULL_RETRY_S = 2.0
_MOST_COMMANDS = 10
_log = logging.getLogger(__name__)


class GcpClient(Client):
    """No connection is held but for HTTP's own, so making one never fails."""

    def __init__(self, endpoint: GcpEndpoint, device: str, *, key: int, timeout: float) -> None:
        self._device, self._timeout = device, timeout
        self._key = device_key(endpoint.fleet_secret, device, key)
        self._http = HttpClient(connect_timeout=timeout)
        project = f"{endpoint.url}/v1/projects/{endpoint.project}"
        self._topic = f"{project}/topics/{endpoint.twin}-telemetry"
        # ':' may be in a device's id, and not in a subscription's.
        name = f"{endpoint.twin}-command-{device.replace(':', '.')}"
        self._subscription = f"{project}/subscriptions/{name}"
        self._headers = {"content-type": "application/json"}
        if endpoint.token:
            self._headers["authorization"] = f"Bearer {endpoint.token}"
        self._closed = threading.Event()

    def send(self, body: bytes) -> None:
        self._publish(self._device, body)

    def send_as(self, other: str, body: bytes) -> None:
        self._publish(other, body)

    def on_command(self, callback: OnCommand) -> None:
        threading.Thread(target=self._pull, args=(callback,), daemon=True).start()

    def close(self) -> None:
        self._closed.set()
        self._http.close()

    def _publish(self, device: str, body: bytes) -> None:
        sent = attributes(self._key, device, f"{time.time():.6f}", body)
        document = {"messages": [{"data": base64.b64encode(body).decode(), "attributes": sent}]}
        try:
            answer = self._post(f"{self._topic}:publish", document, self._timeout)
        except Retry as error:
            raise NotAcknowledged(f"Pub/Sub did not answer: {error}") from None
        if answer.status != 200:
            raise NotAcknowledged(f"Pub/Sub refused the message: {_said(answer)}")

    def _pull(self, callback: OnCommand) -> None:
        told = False
        while not self._closed.is_set():
            before = time.monotonic()
            try:
                found = self._hand_over(callback)
            except NotConnected as error:
                if not told and not self._closed.is_set():
                    _log.warning("%s gets no commands: %s", self._device, error)
                told = True
                self._closed.wait(_PULL_RETRY_S)
                continue
            told = False
            # Pub/Sub holds an empty pull for a while; a local server may answer at once.
            if not found and time.monotonic() - before < _PULL_PAUSE_S:
                self._closed.wait(_PULL_PAUSE_S)

    def _hand_over(self, callback: OnCommand) -> int:
        """Pull, and acknowledge what the callback took; how many there were. Raises `NotConnected`."""
        try:
            answer = self._post(f"{self._subscription}:pull", {"maxMessages": _MOST_COMMANDS}, _PULL_S)
        except Retry:
            return 0  # nothing within the time
        if answer.status != 200:
            raise NotConnected(_said(answer))
        received = json.loads(answer.body).get("receivedMessages", [])
        taken = []
        for message in received:
            try:
                callback(json.loads(base64.b64decode(message["message"]["data"])))
                taken.append(message["ackId"])
            except Exception:
                _log.exception("a command could not be handled")
        if taken:
            try:
                self._post(f"{self._subscription}:acknowledge", {"ackIds": taken}, self._timeout)
            except Retry as error:
                raise NotConnected(str(error)) from None
        return len(received)

    def _post(self, url: str, document: Mapping[str, Any], timeout: float) -> Answer:
        return self._http.post(url, json.dumps(document).encode(), self._headers, timeout=timeout)


def _said(answer: Answer) -> str:
    """The status, with Google's own sentence where it gave one."""
    try:
        return f"{answer.status}, {json.loads(answer.body)['error']['message']}"
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status}."
