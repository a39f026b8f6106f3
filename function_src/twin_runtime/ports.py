"""The ports: all that an adapter of a cloud implements, and the values that pass through them.

An adapter raises `errors.Retry` (or `Throttled`) for what may succeed later and `errors.Refused` for what
never will. Any other exception is treated as `Retry`. Adapters are used by several threads at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Event = dict[str, Any]
"""One CloudEvent in its JSON form."""

MAX_DELIVERIES = 50
"""On this delivery of a message the runtime itself puts what still fails into the dead letters, with the
reason.

A queue's own limit (maxReceiveCount, maxDequeueCount, max_delivery_attempts) is set above it: what the queue
moves by itself carries no reason.
"""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a queue: its body is a JSON array of CloudEvents.

    `attempt` counts deliveries from 1 (SQS `ApproximateReceiveCount`, storage queue `dequeue_count`, Pub/Sub
    `deliveryAttempt`); None where the platform does not tell.
    """

    id: str
    body: str | bytes
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class BrokerMessage:
    """What a device sent, as the broker handed it over.

    `device` is the name that the broker authenticated, None where it could not; never taken from the body.
    `received` is the broker's own time, RFC 3339: it must be the same when the message is delivered again.
    `problem` is set by an adapter that could not authenticate or unwrap the message: it is refused with that
    reason.
    """

    device: str | None
    body: bytes
    received: str
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One event in a store. `data` is JSON text and is stored and returned as it is."""

    device: str
    time: str
    id: str
    type: str
    data: str
    traceparent: str
    expires: int

    @property
    def key(self) -> str:
        """The sort key: rows of a device are ordered by it, and written once per key."""
        return f"{self.time}#{self.id}"


@dataclass(frozen=True, slots=True)
class Unstored:
    """A row that the store did not take: its position in `put`'s argument. `permanent`: it never will."""

    index: int
    reason: str
    permanent: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in order. `more`: the adapter stopped early at a bound of its own; then `rows` is not empty."""

    rows: Sequence[Row]
    more: bool = False


class Queue(Protocol):
    """A durable queue; also what DEAD_LETTER_QUEUE names."""

    @property
    def max_body_bytes(self) -> int:
        """The longest body that `send` takes, before any encoding of the adapter's own."""
        ...

    def send(self, bodies: Sequence[str]) -> None:
        """Put every body (ASCII text) into the queue; durable on return.

        Splits into as many calls as the service needs, tries again what it refused in part, and raises when
        one body is not durable in the end. Those already sent may then be sent twice: consumers are
        idempotent.
        """
        ...


class Store(Protocol):
    """The hot store."""

    def put(self, rows: Sequence[Row]) -> Sequence[Unstored]:
        """Write the rows; all but those returned are durable. Writing a key again leaves one row.

        `rows` holds no device and key twice. What the service refused in part is tried again by the runtime.
        Raises when none could be written.
        """
        ...

    def query(
        self, device: str, *, start: str, end: str, limit: int, cursor: str | None, descending: bool
    ) -> Page:
        """Rows of `device` with start <= time < end, by key, at most `limit` of them.

        Times are in the fixed-width form of `Row.time`, so that comparing keys with them as text is right.
        `cursor` is the key of the last row already seen, and is excluded: ascending key > cursor, descending
        key < cursor. Fewer than `limit` rows without `more` means that there are no others.
        """
        ...


class SecretSource(Protocol):
    """One secret, uncached: the runtime caches it."""

    def fetch(self) -> str:
        """The newest version's text; raises `errors.SecretMissing` where the secret or a version is not
        there.
        """
        ...


class Broker(Protocol):
    """The way to a device."""

    def send(self, device: str, command: Event) -> None:
        """Hand the command (a CloudEvent) over; raises `errors.Refused` where it never can be."""
        ...


class Workflow(Protocol):
    """The workflow of the event system."""

    def start(self, name: str, payload: Mapping[str, Any]) -> None:
        """Start an execution; one that already exists under `name` (at most 80 of A-Z a-z 0-9 - _) is
        success.
        """
        ...


class Cloud(Protocol):
    """The factory of a cloud's adapters; each address is the value of an environment variable.

    SDKs are imported inside these methods, so that a role pays for what it uses alone.
    """

    @property
    def name(self) -> str:
        """aws, azure or gcp."""
        ...

    def queue(self, address: str) -> Queue: ...

    def store(self, address: str) -> Store: ...

    def secret(self, address: str) -> SecretSource: ...

    def broker(self, address: str) -> Broker: ...

    def workflow(self, address: str) -> Workflow: ...


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request, free of any framework. Header names are in any case; `query` values one or several."""

    method: str
    headers: Mapping[str, str]
    body: bytes = b""
    query: Mapping[str, str | Sequence[str]] = field(default_factory=dict[str, str])

    def header(self, name: str) -> str | None:
        """The value of a header, None where it is absent."""
        wanted = name.lower()
        for key, value in self.headers.items():
            if key.lower() == wanted:
                return value
        return None


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer; the body is JSON."""

    status: int
    body: bytes
    headers: Mapping[str, str]
