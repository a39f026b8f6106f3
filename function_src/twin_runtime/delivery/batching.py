"""Few and full: encoded events are packed into as few arrays as the bounds allow."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from twin_runtime.events import cloudevents
from twin_runtime.ports import Event, Queue

MAX_EVENTS_PER_MESSAGE = 100


def pack(encoded: Sequence[str], *, max_bytes: int, max_events: int) -> Iterator[list[int]]:
    """Positions of `encoded`, in order, in groups whose JSON array fits both bounds.

    An item that alone is too large is a group by itself: the caller compares its length with `fits`.
    """
    if encoded and len(encoded) <= max_events and sum(map(len, encoded)) + len(encoded) < max_bytes:
        yield list(range(len(encoded)))  # nearly always
        return
    group: list[int] = []
    size = 1
    for index, text in enumerate(encoded):
        # Each item brings one comma or bracket; the array starts with one more.
        if group and (size + len(text) + 1 > max_bytes or len(group) == max_events):
            yield group
            group, size = [], 1
        group.append(index)
        size += len(text) + 1
    if group:
        yield group


def fits(text: str, max_bytes: int) -> bool:
    """Whether an encoded event alone makes an array within the bound."""
    return len(text) + 2 <= max_bytes


def array(encoded: Sequence[str], positions: Sequence[int]) -> str:
    """The JSON array of the items at `positions`."""
    return "[" + ",".join([encoded[index] for index in positions]) + "]"


def encode(events: Sequence[Event]) -> list[str]:
    """The JSON of each event."""
    return [cloudevents.encode(event) for event in events]


class Outbox:
    """Sends events to a queue, several in one message."""

    def __init__(self, queue: Queue, max_events: int = MAX_EVENTS_PER_MESSAGE) -> None:
        self._queue = queue
        self._max_events = max_events

    def send(self, events: Sequence[Event], *, deadline: float = math.inf) -> dict[int, str]:
        """Put the events into the queue; returns why some can never be, by position.

        `deadline` is as in `Queue.send`. Raises what the queue raises.
        """
        return self.send_texts(encode(events), deadline=deadline)

    def send_texts(self, encoded: Sequence[str], *, deadline: float = math.inf) -> dict[int, str]:
        """As `send`, for the JSON of events."""
        limit, most = self._queue.batch_bytes, self._queue.max_body_bytes
        bodies: list[str] = []
        refused: dict[int, str] = {}
        for group in pack(encoded, max_bytes=limit, max_events=self._max_events):
            if len(group) == 1 and not fits(encoded[group[0]], most):
                refused[group[0]] = f"The event is larger than the queue takes ({most} bytes)."
            else:
                bodies.append(array(encoded, group))
        if bodies:
            self._queue.send(bodies, deadline=deadline)
        return refused
