"""Pub/Sub: queues, and the way to the devices."""

from __future__ import annotations

import base64
import math
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from twin_runtime import deadlines
from twin_runtime.errors import Refused, Retry
from twin_runtime.events import cloudevents
from twin_runtime.ports import MAX_BATCH_BYTES, Event

from .rest import Rest

MAX_BODY_BYTES = 2_500_000
"""A dead letter of the longest push request that is read (see `triggers`). A message may have 10 MB."""
MAX_REQUEST_BYTES = 4_000_000
"""Of the messages of one request in base64. A publish request may have 10 MB and 1,000 messages."""
MAX_REQUEST_MESSAGES = 1_000


class Topic:
    """Publishes; a message is durable when the request has been answered. Thread-safe."""

    def __init__(self, rest: Rest, path: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._rest = rest
        self._path = path
        self._sleep = sleep

    def publish(self, messages: Sequence[Mapping[str, Any]], *, deadline: float = math.inf) -> None:
        """Publish all of the messages; raises `Retry`, or `Refused` for a message that is never taken."""
        for group in _groups(messages):
            deadlines.check(deadline)
            self._request({"messages": group})

    def _request(self, document: Mapping[str, Any]) -> None:
        bounds = self._rest.bounds
        for attempt in range(1, bounds.tries + 1):
            try:
                answer = self._rest.post(f"v1/{self._path}:publish", document)
                if answer.status == 200:
                    return
                problem = self._rest.failure(answer)
            except Retry as error:
                problem = error
            if attempt == bounds.tries or isinstance(problem, Refused):
                raise problem
            self._sleep(bounds.pauses_s * random.uniform(0.1, 1))  # noqa: S311 - spreads load, hides nothing


class TopicQueue:
    """`ports.Queue`. `topic` is `projects/<project>/topics/<name>`."""

    def __init__(self, topic: Topic) -> None:
        self._topic = topic

    @property
    def max_body_bytes(self) -> int:
        return MAX_BODY_BYTES

    @property
    def batch_bytes(self) -> int:
        return MAX_BATCH_BYTES

    def send(self, bodies: Sequence[str], *, deadline: float = math.inf) -> None:
        try:
            self._topic.publish([message(body.encode("ascii")) for body in bodies], deadline=deadline)
        except Refused as error:  # no body that fits is refused: this is the topic's fault
            raise Retry(error.reason) from error


class DeviceBroker:
    """`ports.Broker`: each device has a subscription that is filtered on the attribute `device_id`."""

    def __init__(self, topic: Topic) -> None:
        self._topic = topic

    def send(self, device: str, command: Event) -> None:
        body = cloudevents.encode(command).encode("ascii")
        if len(body) > MAX_BODY_BYTES:
            raise Refused(f"The command is larger than {MAX_BODY_BYTES} bytes.")
        self._topic.publish([message(body, device_id=device)])


def message(body: bytes, **attributes: str) -> dict[str, Any]:
    """A message in the JSON form of the API."""
    data = base64.b64encode(body).decode("ascii")
    return {"data": data, "attributes": attributes} if attributes else {"data": data}


def _groups(messages: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    group: list[Mapping[str, Any]] = []
    size = 0
    for each in messages:
        length = len(each["data"]) + 100
        if group and (size + length > MAX_REQUEST_BYTES or len(group) == MAX_REQUEST_MESSAGES):
            yield group
            group, size = [], 0
        group.append(each)
        size += length
    if group:
        yield group
