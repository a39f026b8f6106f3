"""The REST calls, and one more: `GET counters` says how every subscription fares."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from local_cloud.gcp.json_server import ApiError, Document
from local_cloud.gcp.pubsub.messages import Delivery
from local_cloud.gcp.pubsub.service import PubSub

_RESOURCE = re.compile(r"v1/(projects/[^/]+/(topics|subscriptions)/[^/:]+)(?::([A-Za-z]+))?")
_PULL_WAIT_S = 5.0
"""How long a pull waits for a first message."""
_MAX_PULL = 1_000
_MAX_EXTENSION_S = 600


class Api:
    """Routes requests to a `PubSub`."""

    def __init__(self, service: PubSub) -> None:
        self._service = service
        self._calls: dict[tuple[str, str, str | None], Callable[[str, Document], Document]] = {
            ("PUT", "topics", None): self._create_topic,
            ("PUT", "subscriptions", None): self._create_subscription,
            ("POST", "topics", "publish"): self._publish,
            ("POST", "subscriptions", "pull"): self._pull,
            ("POST", "subscriptions", "acknowledge"): self._acknowledge,
            ("POST", "subscriptions", "modifyAckDeadline"): self._modify_deadline,
        }

    def route(self, method: str, path: str, document: Document) -> tuple[int, Document]:
        if method == "GET" and path == "counters":
            return 200, self._service.state()
        match = _RESOURCE.fullmatch(path)
        call = self._calls.get((method, match[2], match[3])) if match else None
        if match is None or call is None:
            raise ApiError(404, f"There is no {method} {path} here.")
        return 200, call(match[1], document)

    def _create_topic(self, name: str, document: Document) -> Document:
        self._service.create_topic(name)
        return {**document, "name": name}

    def _create_subscription(self, name: str, document: Document) -> Document:
        self._service.create_subscription(name, document)
        return {**document, "name": name}

    def _publish(self, topic: str, document: Document) -> Document:
        return {"messageIds": self._service.publish(topic, document.get("messages") or [])}

    def _pull(self, name: str, document: Document) -> Document:
        limit = min(int(document.get("maxMessages") or 0), _MAX_PULL)
        if limit < 1:
            raise ApiError(400, "maxMessages is 1 or more.")
        wait = 0.0 if document.get("returnImmediately") else _PULL_WAIT_S
        taken = self._service.subscription(name).take(limit, wait=wait)
        return {"receivedMessages": [_received(delivery) for delivery in taken]} if taken else {}

    def _acknowledge(self, name: str, document: Document) -> Document:
        self._service.subscription(name).acknowledge(document.get("ackIds") or [])
        return {}

    def _modify_deadline(self, name: str, document: Document) -> Document:
        wanted = float(document.get("ackDeadlineSeconds") or 0)
        if not 0 <= wanted <= _MAX_EXTENSION_S:
            raise ApiError(400, f"ackDeadlineSeconds is 0 to {_MAX_EXTENSION_S}.")
        self._service.subscription(name).extend(document.get("ackIds") or [], wanted)
        return {}


def _received(delivery: Delivery) -> dict[str, Any]:
    attempt = {} if delivery.attempt is None else {"deliveryAttempt": delivery.attempt}
    return {"ackId": delivery.ack_id, "message": delivery.message.document(), **attempt}
