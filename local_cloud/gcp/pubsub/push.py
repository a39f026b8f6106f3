"""Pushes a subscription's messages to its endpoint."""

from __future__ import annotations

import contextlib
import http.client
import json
from threading import Thread
from urllib.parse import SplitResult, urlsplit

from local_cloud.gcp.pubsub.messages import Delivery, envelope
from local_cloud.gcp.pubsub.subscription import Subscription

WORKERS = 64
"""Pushes of a subscription that are under way at a time."""
_ACKNOWLEDGING = (200, 201, 202, 204)
"""Any other answer, or none, is a failed delivery."""
_IDLE_S = 30.0
# What a connection says that the endpoint closed while nobody used it.
_STALE = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


class Pusher:
    """A few threads with a connection each, for as long as the process lives."""

    def __init__(self, subscription: Subscription, endpoint: str) -> None:
        self._subscription = subscription
        self._endpoint = urlsplit(endpoint)

    def start(self) -> None:
        for _ in range(WORKERS):
            Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        settings = self._subscription.settings
        connection = _Connection(self._endpoint, timeout=settings.ack_deadline_s)
        while True:
            for delivery in self._subscription.take(1, wait=_IDLE_S):
                if connection.post(_body(delivery, settings.name)) in _ACKNOWLEDGING:
                    self._subscription.acknowledge([delivery.ack_id])
                else:
                    self._subscription.extend([delivery.ack_id], 0)


def _body(delivery: Delivery, subscription: str) -> bytes:
    return json.dumps(envelope(delivery, subscription)).encode()


class _Connection:
    """Kept open between requests. Not thread-safe."""

    def __init__(self, endpoint: SplitResult, *, timeout: float) -> None:
        self._path = endpoint.path or "/"
        self._http = http.client.HTTPConnection(endpoint.hostname or "", endpoint.port, timeout=timeout)

    def post(self, body: bytes) -> int | None:
        """The status; None when there is no answer in time."""
        kept = self._http.sock is not None
        with contextlib.suppress(OSError, http.client.HTTPException):
            try:
                return self._exchange(body)
            except _STALE:
                self._http.close()
                if kept:
                    return self._exchange(body)
        self._http.close()
        return None

    def _exchange(self, body: bytes) -> int:
        self._http.request("POST", self._path, body, {"content-type": "application/json"})
        with self._http.getresponse() as response:
            response.read()
            return response.status
