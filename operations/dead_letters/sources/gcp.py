"""Dead letters in a Pub/Sub subscription."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from operations.dead_letters.letters import Received
from operations.dead_letters.locations import Location
from operations.dead_letters.sources.leases import LeasedSource
from operations.reach.gcp import GcpReach
from twin_gcp.pubsub import TopicQueue
from twin_gcp.rest import Tokens
from twin_runtime import times
from twin_runtime.deadlines import LEASE_S
from twin_runtime.errors import Retry

_AT_ONCE = 100
_TIMEOUT_S = 60.0
_ATTEMPTS = 4


class PubSub:
    """JSON requests to Pub/Sub. A page of letters exceeds the answers that `twin_gcp.rest` reads."""

    def __init__(self, base: str, tokens: Tokens | None) -> None:
        self._base = base.rstrip("/")
        self._tokens = tokens

    def call(self, path: str, document: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """POST `document`, or GET, with retries; raises `Retry`."""
        sentence = ""
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(0.2 * 2**attempt)
            try:
                return self._once(path, document, anew=attempt > 0)
            except urllib.error.HTTPError as error:
                sentence = f"Pub/Sub answered {error.code}."
                if error.code in (400, 403, 404):
                    break
            except (OSError, ValueError) as error:
                sentence = f"Pub/Sub could not be reached ({type(error).__name__})."
        raise Retry(sentence)

    def _once(self, path: str, document: Mapping[str, Any] | None, *, anew: bool) -> dict[str, Any]:
        headers = {"content-type": "application/json"}
        if self._tokens is not None:
            headers["authorization"] = f"Bearer {self._tokens.get(anew=anew)}"
        body = None if document is None else json.dumps(document).encode("ascii")
        request = urllib.request.Request(f"{self._base}/v1/{path}", body, headers)  # noqa: S310 - https
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            return json.loads(answer.read() or b"{}")


class PubSubSource(LeasedSource):
    """`Source` at `projects/<project>/subscriptions/<name>`. `queue` returns the adapter of a topic."""

    patience = 4

    def __init__(
        self,
        subscription: str,
        pubsub: PubSub,
        queue: Callable[[str], TopicQueue],
    ) -> None:
        super().__init__()
        self._subscription = subscription
        self._pubsub = pubsub
        self._topic = cache(lambda: queue(pubsub.call(subscription)["topic"]))

    def _receive(self) -> list[Received]:
        # Without `returnImmediately` a request to an empty subscription would block for minutes.
        answer = self._pubsub.call(
            f"{self._subscription}:pull", {"maxMessages": _AT_ONCE, "returnImmediately": True}
        )
        received = [_received(each) for each in answer.get("receivedMessages", ())]
        self._deadline([message.handle for message in received], LEASE_S)
        return received

    def _delete(self, messages: Sequence[Received]) -> None:
        self._pubsub.call(
            f"{self._subscription}:acknowledge", {"ackIds": [message.handle for message in messages]}
        )

    def _release(self, handles: Sequence[Any]) -> None:
        self._deadline(handles, 0)

    def _queue(self) -> TopicQueue:
        return self._topic()

    def _deadline(self, handles: Sequence[Any], seconds: int) -> None:
        if handles:
            self._pubsub.call(
                f"{self._subscription}:modifyAckDeadline",
                {"ackIds": list(handles), "ackDeadlineSeconds": seconds},
            )


def _received(each: Mapping[str, Any]) -> Received:
    message = each["message"]
    published = datetime.fromisoformat(times.normalise(message["publishTime"]))
    return Received(
        id=message["messageId"],
        body=b64decode(message.get("data", "")),
        at=published.timestamp(),
        handle=each["ackId"],
        attributes=dict(message.get("attributes") or {}),
    )


def connect(location: Location, reach: GcpReach) -> PubSubSource:
    return PubSubSource(location.letters, PubSub(reach.endpoints.pubsub, reach.tokens), reach.queue)
