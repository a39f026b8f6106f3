"""Topics and subscriptions."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from threading import Lock
from typing import Any

from local_cloud.gcp.json_server import ApiError
from local_cloud.gcp.pubsub import settings
from local_cloud.gcp.pubsub.messages import Message, dead
from local_cloud.gcp.pubsub.push import Pusher
from local_cloud.gcp.pubsub.subscription import Subscription

MAX_MESSAGES = 1_000
MAX_REQUEST_BYTES = 10_000_000


class PubSub:
    """Thread-safe. Names are whole paths, `projects/<project>/topics/<name>`. Errors are `ApiError`s."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._numbers = count(1)
        self._topics: dict[str, list[Subscription]] = {}
        self._subscriptions: dict[str, Subscription] = {}

    def create_topic(self, name: str) -> None:
        with self._lock:
            if name in self._topics:
                raise ApiError(409, f"The topic {name} is already there.")
            self._topics[name] = []

    def create_subscription(self, name: str, document: Mapping[str, Any]) -> None:
        """It gets what is published from now on; one with a push endpoint is pushed at once."""
        wanted = settings.read(name, document)
        with self._lock:
            if name in self._subscriptions:
                raise ApiError(409, f"The subscription {name} is already there.")
            for topic in (wanted.topic, wanted.dead_letter_topic):
                if topic is not None and topic not in self._topics:
                    raise ApiError(404, f"There is no topic {topic}.")

            def give_up(message: Message, attempts: int) -> None:
                if wanted.dead_letter_topic is not None:
                    letter = dead(message, subscription=name, attempts=attempts)
                    self.publish(wanted.dead_letter_topic, [letter])

            made = self._subscriptions[name] = Subscription(wanted, give_up)
            # A topic's list is replaced, never changed: `publish` reads it without the lock.
            self._topics[wanted.topic] = [*self._topics[wanted.topic], made]
        if wanted.endpoint is not None:
            Pusher(made, wanted.endpoint).start()

    def publish(self, topic: str, messages: Sequence[Mapping[str, Any]]) -> list[str]:
        """The ids of the messages; every subscription has them then."""
        subscriptions = self._topics.get(topic)
        if subscriptions is None:
            raise ApiError(404, f"There is no topic {topic}.")
        if not messages or len(messages) > MAX_MESSAGES:
            raise ApiError(400, f"A request has 1 to {MAX_MESSAGES} messages.")
        if sum(len(message.get("data", "")) for message in messages) > MAX_REQUEST_BYTES:
            raise ApiError(400, f"A request has at most {MAX_REQUEST_BYTES} bytes.")
        published = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")
        taken = [self._message(message, published.replace("+00:00", "Z")) for message in messages]
        for message in taken:
            for subscription in subscriptions:
                subscription.offer(message)
        return [message.id for message in taken]

    def subscription(self, name: str) -> Subscription:
        try:
            return self._subscriptions[name]
        except KeyError:
            raise ApiError(404, f"There is no subscription {name}.") from None

    def state(self) -> dict[str, dict[str, int]]:
        """`Subscription.state` of every subscription, by its whole name."""
        return {name: made.state() for name, made in list(self._subscriptions.items())}

    def _message(self, document: Mapping[str, Any], published: str) -> Message:
        data, attributes = document.get("data", ""), document.get("attributes") or {}
        if not data and not attributes:
            raise ApiError(400, "A message has data or attributes.")
        try:
            base64.b64decode(data, validate=True)
        except (TypeError, ValueError) as error:
            raise ApiError(400, "The data of a message is not base64.") from error
        if not all(isinstance(value, str) for value in attributes.values()):
            raise ApiError(400, "The attributes of a message are text.")
        return Message(str(next(self._numbers)), data, attributes, published)
