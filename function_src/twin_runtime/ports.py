"""The ports: all that an adapter of a cloud implements, and the values that pass through them.

An adapter raises `errors.Retry` (or `Throttled`) for what may succeed later and `errors.Refused` for what
never will. Any other exception is treated as `Retry`. Adapters are used by several threads at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from twin_runtime import jsontext

Event = dict[str, Any]
"""One CloudEvent in its JSON form."""

MAX_DELIVERIES = 50
"""On this delivery of a message the runtime itself puts what still fails into the dead letters, with the
reason.

A queue's own limit (maxReceiveCount, maxDequeueCount, max_delivery_attempts) is set above it: what the queue
moves by itself carries no reason.
"""


MAX_BATCH_BYTES = 128 * 1024
"""Of a queue's message with events: what a function holds of it is bounded by it (see `sizes`). One event of
the longest data fits.
"""


class Message(NamedTuple):
    """One message of a queue: its body is a JSON array of CloudEvents.

    `attempt` counts deliveries from 1 (SQS `ApproximateReceiveCount`, storage queue `dequeue_count`, Pub/Sub
    `deliveryAttempt`); None where the platform does not tell.
    """

    id: str
    body: str | bytes
    attempt: int | None = None


class BrokerMessage(NamedTuple):
    """What a device sent, as the broker handed it over.

    `device` is the name that the broker authenticated, None where it could not; never taken from the body.
    `received` is the broker's own time, RFC 3339: it must be the same when the message is delivered again.
    `sent` is the time that the device signed with the message, in the fixed-width form, where it signs: it is
    the same when the message is published again. `problem` is set by an adapter that could not authenticate
    or unwrap the message: it is refused with that reason.
    """

    device: str | None
    body: bytes
    received: str
    problem: str | None = None
    sent: str = ""


class Row(NamedTuple):
    """One event in a store. `data` is JSON text and is stored and returned as it is.

    `subject` is the device's type when the event was made; empty in rows of earlier releases, for today's
    type. `received`, `device_time` and `clock` are the event's attributes, empty where it has none.
    """

    device: str
    time: str
    id: str
    type: str
    data: str
    traceparent: str
    expires: int
    subject: str = ""
    received: str = ""
    device_time: str = ""
    clock: str = ""

    @property
    def key(self) -> str:
        """The sort key: rows of a device are ordered by it, and written once per key."""
        return f"{self.time}#{self.id}"

    def same_content(self, other: Row) -> bool:
        """Whether both are of one event: its type, the device's type where both rows have it, and the data as
        a JSON value, whatever its text.
        """
        if self.type != other.type or (self.subject and other.subject and self.subject != other.subject):
            return False
        if self.data == other.data:
            return True
        values = (jsontext.loads(row.data, max_bytes=len(row.data)) for row in (self, other))
        try:
            return jsontext.equal(*values)
        except jsontext.Malformed:
            return False


OPTIONAL = ("subject", "received", "device_time", "clock")
"""Fields of a row that a store leaves out where they are empty."""


@dataclass(frozen=True, slots=True)
class Unstored:
    """A row that the store did not take: its position in the rows given. `permanent`: it never will."""

    index: int
    reason: str
    permanent: bool = False


CONFLICT = "An event with this id is stored with other data."
"""The reason of an `Unstored` whose key is taken."""


class Page(NamedTuple):
    """Rows in order. `more`: the adapter stopped early at a bound of its own; then `rows` is not empty."""

    rows: Sequence[Row]
    more: bool = False


class Queue(Protocol):
    """A durable queue; also what DEAD_LETTER_QUEUE names."""

    @property
    def max_body_bytes(self) -> int:
        """The longest body that `send` takes, before any encoding of the adapter's own.

        Whatever the roles make of what is within the limits of a reading fits: batches and dead letters.
        """
        ...

    @property
    def batch_bytes(self) -> int:
        """The longest array of several events to be sent as one body: at most `MAX_BATCH_BYTES`, and less
        where longer bodies cost more. One event alone may be longer.
        """
        ...

    def send(self, bodies: Sequence[str], *, deadline: float = math.inf) -> None:
        """Put every body (ASCII text) into the queue; durable on return.

        Splits into as many calls as the service needs, tries again what it refused in part, and raises when
        one body is not durable in the end. No call is begun after `deadline`, in `time.monotonic` seconds:
        what is left then is not sent, which raises. What was sent may be sent twice: consumers are
        idempotent.
        """
        ...


class Store(Protocol):
    """The hot store.

    In both ways of writing, `rows` holds no device and key twice, and all rows but those returned are
    durable. What the service refused in part is tried again by the runtime. No call of the service begins
    after `deadline`, in `time.monotonic` seconds: what is left by then is returned too. Raises when the
    service took none, and refused none for good.
    """

    def put(self, rows: Sequence[Row], *, deadline: float = math.inf) -> Sequence[Unstored]:
        """Write the rows, each in place of one with the same key."""
        ...

    def put_if_absent(self, rows: Sequence[Row], *, deadline: float = math.inf) -> Sequence[Unstored]:
        """Write the rows whose keys are not there. A row that is there stays as it is: one with the same
        content (`Row.same_content`) counts as written, one with other content is returned as a permanent
        `CONFLICT`. Of writers at the same time, one writes.
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

    def delete(self, device: str, keys: Sequence[str]) -> None:
        """Delete the rows of `device` with these keys; one that is not there is success. Raises when one was
        not deleted; others then may be.
        """
        ...


class Expiry(Protocol):
    """The hot store's own deletion of rows whose `expires` has passed, where that can be switched."""

    def allow(self, until: float) -> str:
        """Let the store delete expired rows until a moment, in Unix time, and see to it that it then stops
        even if nobody calls again. A moment that has passed, or comes too soon to be kept, stops it now.

        Returns `on`, `off`, or `changing` where an earlier change is still under way: what is asked for then
        comes with a later call.
        """
        ...


class Stored(NamedTuple):
    """What an object store says of an object. `rows` and `sha256` (hexadecimal, of the bytes) are those that
    it was put with; the store itself has checked the bytes against a checksum when it took them.
    """

    name: str
    size: int
    rows: int
    sha256: str


class Versioned(NamedTuple):
    """An object that changes: its bytes, and the version that they are of, which means nothing but itself."""

    body: bytes
    version: str


PARTS = "parts/"
"""Begins the names of parts of a file in transfer, which are read again soon: an adapter keeps them in the
class of storage for data in use, whatever that of its tier is. Rules of the store delete what is left of
them.
"""


class Objects(Protocol):
    """An object store: the cold or the archive tier. Names hold `/`, and are listed in the order of text.

    What is `put` is never changed: one name always stands for the same bytes. What is written by `replace`
    is, and each object is written in one of the two ways.
    """

    def put(self, name: str, body: bytes, *, rows: int, sha256: str) -> None:
        """Store an object; durable on return, and checked by the store against a checksum of its own kind.

        Putting it again leaves one. `rows` and `sha256` are kept with it.
        """
        ...

    def stat(self, name: str) -> Stored | None:
        """What is stored under a name; None where nothing is."""
        ...

    def get(self, name: str, *, start: int = 0, length: int | None = None) -> bytes:
        """The bytes, or `length` of them from `start` on, both within the object. Raises `errors.Refused`
        where there are none, or where they must be thawed first.
        """
        ...

    def read(self, name: str) -> Versioned | None:
        """An object that `replace` wrote; None where nothing is."""
        ...

    def replace(self, name: str, body: bytes, *, version: str | None) -> str | None:
        """Write an object in place of a version of it, or where nothing is (None); in the class of storage
        for data in use. Returns its new version.

        None where another version is there by now. That may also be what this call has written, when it was
        sent again after its answer was lost: read, to see which.
        """
        ...

    def names(self, prefix: str, *, after: str = "", limit: int = 1_000) -> Sequence[str]:
        """Names that begin with `prefix` and come after `after`, in order, at most `limit`."""
        ...

    def delete(self, name: str) -> None:
        """Delete an object; one that is not there is success."""
        ...

    def thaw(self, name: str, *, days: int) -> bool:
        """Whether the bytes can be read now. Where they cannot, asks the store to make them readable for
        `days` (an archive takes hours); asking again is success.
        """
        ...


class GraphTwin(NamedTuple):
    """A node of the twin graph: a device, or an entity of the model.

    `properties` are what twin.yaml says of it. `values` are the latest measurements by metric and `time` that
    of the event which they are from; empty and None before the first.
    """

    id: str
    type: str
    name: str
    properties: Mapping[str, Any] = {}
    values: Mapping[str, Any] = {}
    time: str | None = None


class Relationship(NamedTuple):
    """A directed edge of the twin graph; at most one of a name between two twins."""

    source: str
    name: str
    target: str


class GraphReader(Protocol):
    """The twin graph, as twin_reader asks it. A cursor is opaque: None is the first page, or after the
    last.
    """

    def twins(
        self, *, type: str | None, cursor: str | None, limit: int
    ) -> tuple[Sequence[GraphTwin], str | None]:
        """Twins of a type, or all, each once over the pages; at most `limit` at a time.

        A page may hold fewer than `limit`, even none, and still have a cursor. Raises `errors.Refused` for a
        cursor that the service does not take.
        """
        ...

    def twin(self, id: str) -> GraphTwin | None: ...

    def relationships(
        self, id: str, *, incoming: bool, cursor: str | None, limit: int
    ) -> tuple[Sequence[Relationship], str | None]:
        """The edges that leave a twin, or that arrive at it, paged as `twins` are. None of a twin that is not
        there.
        """
        ...


class GraphWriter(GraphReader, Protocol):
    """The twin graph, as twin_sync keeps it. Doing a thing again is success and changes nothing.

    A digest is a short text by which twin_sync knows again what it wrote: of one twin with the edges that
    leave it, or (the mark) of the whole graph. Neither shows in what a `GraphReader` returns.
    """

    def prepare(self, twin: Any) -> None:
        """Make what twins need to be there first, such as the models of their types. `twin` is a
        `model.Twin`.
        """
        ...

    def mark(self) -> str:
        """The text that `set_mark` left in the graph; empty before the first."""
        ...

    def set_mark(self, text: str) -> None: ...

    def digests(self) -> Iterator[tuple[str, str]]:
        """Id and digest of every twin that `put_twin` made, so that the others are left alone; the digest is
        empty where none was given.
        """
        ...

    def put_twin(self, twin: GraphTwin, *, digest: str) -> None:
        """Create or replace a twin, and keep `digest` with it; its measured values and its edges stay as they
        are.
        """
        ...

    def put_relationships(self, id: str, edges: Sequence[Relationship], *, digest: str) -> None:
        """Make the edges that leave a twin exactly these; then keep `digest` with the twin. Both ends of each
        edge are there.
        """
        ...

    def delete_twin(self, id: str) -> None:
        """Delete a twin and its edges, those that arrive at it too."""
        ...

    def set_values(self, id: str, values: Mapping[str, Any], time: str) -> None:
        """The latest measurements of a twin, and the time of the event they are from. Metrics that are not
        named keep their value. The caller has compared the times.
        """
        ...

    def replace_values(self, id: str, values: Mapping[str, Any], time: str | None) -> None:
        """Make the latest measurements of a twin exactly these; no values and None: as before the first. A
        twin that is not there is left so.
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
        """Start an execution. `name` is at most 80 of A-Z a-z 0-9 - _.

        A platform that names executions by it refuses a second one of the name, which is success. On the
        others every call starts one: the event checker records its calls in a `StateStore`.
        """
        ...


class Record(NamedTuple):
    """A record of a state store. `version` changes whenever the record is written."""

    text: str
    version: str


class StateStore(Protocol):
    """A small durable store of texts, in which one of several concurrent writers wins.

    Names are at most 200 of A-Z a-z 0-9 - _ . : (a device's id). Texts are ASCII, of at most 60,000 bytes.
    Nothing expires. Reads see what was written before. A write whose answer was lost raises `errors.Retry`,
    and may have been made.
    """

    def read(self, names: Sequence[str]) -> Mapping[str, Record]:
        """The records that are there, by name. `names` holds no name twice, and may be empty.

        Makes as many calls as the service needs. Raises when it could not read all of them.
        """
        ...

    def put_if_absent(self, name: str, text: str) -> str | None:
        """Write a record that is not there; return its version, or None where the name is taken."""
        ...

    def replace(self, name: str, text: str, *, version: str) -> str | None:
        """Write over a record that has this version; return the new version, or None where it has another,
        or is not there.
        """
        ...

    def delete(self, name: str) -> None:
        """Delete a record, of whatever version; one that is not there is success."""
        ...


class Grafana(Protocol):
    """A managed Grafana, which is configured by its HTTP API."""

    @property
    def url(self) -> str:
        """`https://<host>`."""
        ...

    @property
    def installs(self) -> bool:
        """Whether its API installs plugins."""
        ...

    def access(self) -> AbstractContextManager[str]:
        """What the header `authorization` holds, good inside the context and for no longer than it takes."""
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

    def objects(self, address: str) -> Objects: ...

    def expiry(self, address: str) -> Expiry:
        """Of a store in which deleting a row costs more than letting it expire; other clouds have none."""
        ...

    def graph(self, address: str, twin: Any) -> GraphWriter:
        """The twin graph. `twin`, a `model.Twin`, tells what the types in it are."""
        ...

    def secret(self, address: str) -> SecretSource: ...

    def broker(self, address: str) -> Broker: ...

    def workflow(self, address: str) -> Workflow: ...

    def state_store(self, address: str) -> StateStore: ...

    def grafana(self, address: str) -> Grafana: ...


class Request(NamedTuple):
    """An HTTP request, free of any framework. Header names are in any case; `query` values one or several.

    `api_key_id` is the platform's id of the API key, where the platform has checked one.
    """

    method: str
    headers: Mapping[str, str]
    body: bytes = b""
    query: Mapping[str, str | Sequence[str]] = {}
    api_key_id: str = ""

    def header(self, name: str) -> str | None:
        """The value of a header, None where it is absent."""
        wanted = name.lower()
        for key, value in self.headers.items():
            if key.lower() == wanted:
                return value
        return None


class Response(NamedTuple):
    """An HTTP answer; the body is JSON."""

    status: int
    body: bytes
    headers: Mapping[str, str]
