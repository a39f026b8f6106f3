"""The ports in memory, with faults to order: what tests of the functions run on."""

from __future__ import annotations

import hashlib
import math
import threading
import time
from bisect import bisect_right, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from twin_runtime import deadlines
from twin_runtime.deadlines import NO_TIME
from twin_runtime.errors import Refused, Retry, SecretMissing
from twin_runtime.ports import (
    CONFLICT,
    MAX_BATCH_BYTES,
    Event,
    GraphTwin,
    Message,
    Page,
    Record,
    Relationship,
    Row,
    Stored,
    Unstored,
    Versioned,
)


class Faults:
    """Raises the errors put into `ahead`, one per call, before the call does anything."""

    def __init__(self) -> None:
        self.ahead: list[Exception] = []

    def check(self) -> None:
        if self.ahead:
            raise self.ahead.pop(0)


class MemoryQueue:
    """A queue. `bodies` is what it holds."""

    def __init__(self, max_body_bytes: int = 262_144) -> None:
        self._max_body_bytes = max_body_bytes
        self._lock = threading.Lock()
        self.bodies: list[str] = []
        self.sends = 0
        self.faults = Faults()

    @property
    def max_body_bytes(self) -> int:
        return self._max_body_bytes

    @property
    def batch_bytes(self) -> int:
        return min(self._max_body_bytes, MAX_BATCH_BYTES)

    def send(self, bodies: Sequence[str], *, deadline: float = math.inf) -> None:
        self.faults.check()
        deadlines.check(deadline)
        if any(len(body.encode("ascii")) > self._max_body_bytes for body in bodies):
            raise ValueError("a body is longer than the queue takes")
        with self._lock:
            self.sends += 1
            self.bodies.extend(bodies)

    def take(self, attempt: int = 1) -> list[Message]:
        """Everything in the queue, as a consumer gets it."""
        with self._lock:
            bodies, self.bodies = self.bodies, []
        return [Message(f"m{number}", body, attempt) for number, body in enumerate(bodies)]


class MemoryStore:
    """A store. `unstored` is returned by the next calls that write, one entry per call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.rows: dict[tuple[str, str], Row] = {}
        self.writes = 0
        self.unstored: list[list[Unstored]] = []
        self.faults = Faults()

    @property
    def of_devices(self) -> list[Row]:
        """The rows that are no notes."""
        return [row for row in self.rows.values() if not row.device.startswith("~")]

    def put(self, rows: Sequence[Row], *, deadline: float = math.inf) -> Sequence[Unstored]:
        return self._put(rows, deadline, over=True)

    def put_if_absent(self, rows: Sequence[Row], *, deadline: float = math.inf) -> Sequence[Unstored]:
        return self._put(rows, deadline, over=False)

    def _put(self, rows: Sequence[Row], deadline: float, *, over: bool) -> list[Unstored]:
        self.faults.check()
        keys = [(row.device, row.key) for row in rows]
        if len(set(keys)) != len(keys):
            raise ValueError("a key is there twice")
        if rows and time.monotonic() >= deadline:
            raise Retry(NO_TIME)
        missed = list(self.unstored.pop(0)) if self.unstored else []
        skip = {each.index for each in missed}
        with self._lock:
            for index, (key, row) in enumerate(zip(keys, rows, strict=True)):
                if index in skip:
                    continue
                if over or key not in self.rows:
                    self.writes += 1
                    self.rows[key] = row
                elif not self.rows[key].same_content(row):
                    missed.append(Unstored(index, CONFLICT, permanent=True))
        return missed

    def query(
        self, device: str, *, start: str, end: str, limit: int, cursor: str | None, descending: bool
    ) -> Page:
        self.faults.check()
        with self._lock:
            rows = sorted((r for r in self.rows.values() if r.device == device), key=lambda r: r.key)
        rows = [row for row in rows if start <= row.key < end]
        if descending:
            rows = [row for row in reversed(rows) if cursor is None or row.key < cursor]
        else:
            rows = [row for row in rows if cursor is None or row.key > cursor]
        return Page(rows[:limit])

    def delete(self, device: str, keys: Sequence[str]) -> None:
        self.faults.check()
        with self._lock:
            for key in keys:
                self.rows.pop((device, key), None)


class MemoryExpiry:
    """The expiry of a store, as DynamoDB's is: a change takes an hour, in which it refuses another one, and
    rows may still be deleted until it is off. Nobody has to call for it to go off at the moment allowed.
    """

    HOUR = 3_600

    def __init__(
        self, store: MemoryStore, clock: Callable[[], float] = time.time, *, on: bool = False
    ) -> None:
        self._store = store
        self._clock = clock
        self._wanted = on
        self._changed_at = -math.inf
        self.until = -math.inf
        self.allowed: list[float] = []
        self.faults = Faults()

    @property
    def deletes(self) -> bool:
        """Whether rows may be deleted now."""
        self._switch()
        return self._wanted or self._clock() - self._changed_at < self.HOUR

    def allow(self, until: float) -> str:
        self.faults.check()
        self._switch()
        now = self._clock()
        self.allowed.append(until)
        wanted = until - now >= 2 * self.HOUR
        if wanted:
            self.until = until
        if wanted == self._wanted:
            return "on" if wanted else "off"
        if now - self._changed_at < self.HOUR:
            return "changing"
        self._wanted, self._changed_at = wanted, now
        return "on" if wanted else "off"

    def expire(self) -> None:
        """Delete what has expired, where that is allowed."""
        if self.deletes:
            now = self._clock()
            self._store.rows = {key: row for key, row in self._store.rows.items() if row.expires > now}

    def _switch(self) -> None:
        """What the schedule does: it tries again while an earlier change is under way."""
        at = max(self.until, self._changed_at + self.HOUR)
        if self._wanted and math.isfinite(self.until) and self._clock() >= at:
            self._wanted, self._changed_at = False, at


class MemoryObjects:
    """An object store. Names in `frozen` must be thawed before they are read; `thaw` thaws at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: list[str] = []
        self.kept: dict[str, tuple[bytes, Stored]] = {}
        self.versions: dict[str, str] = {}
        self._numbers = count(1)
        self.frozen: set[str] = set()
        self.puts = 0
        self.faults = Faults()

    def put(self, name: str, body: bytes, *, rows: int, sha256: str) -> None:
        self.faults.check()
        if hashlib.sha256(body).hexdigest() != sha256:
            raise Retry("The checksum is of other bytes.")
        with self._lock:
            self.puts += 1
            if name not in self.kept:
                insort(self._names, name)
            self.kept[name] = (body, Stored(name, len(body), rows, sha256))

    def stat(self, name: str) -> Stored | None:
        self.faults.check()
        found = self.kept.get(name)
        return found and found[1]

    def get(self, name: str, *, start: int = 0, length: int | None = None) -> bytes:
        self.faults.check()
        found = self.kept.get(name)
        if found is None:
            raise Refused(f"There is no object {name}.")
        if name in self.frozen:
            raise Refused(f"{name} must be thawed first.")
        return found[0][start:] if length is None else found[0][start : start + length]

    def read(self, name: str) -> Versioned | None:
        self.faults.check()
        with self._lock:
            found = self.kept.get(name)
            return found and Versioned(found[0], self.versions[name])

    def replace(self, name: str, body: bytes, *, version: str | None) -> str | None:
        self.faults.check()
        with self._lock:
            if self.versions.get(name) != version:
                return None
            if name not in self.kept:
                insort(self._names, name)
            self.kept[name] = (body, Stored(name, len(body), 0, hashlib.sha256(body).hexdigest()))
            self.versions[name] = str(next(self._numbers))
            return self.versions[name]

    def names(self, prefix: str, *, after: str = "", limit: int = 1_000) -> Sequence[str]:
        self.faults.check()
        with self._lock:
            at = bisect_right(self._names, max(prefix, after))
            found = [prefix] if prefix > after and prefix in self.kept else []
            while at < len(self._names) and len(found) < limit and self._names[at].startswith(prefix):
                found.append(self._names[at])
                at += 1
        return found

    def delete(self, name: str) -> None:
        self.faults.check()
        with self._lock:
            self.versions.pop(name, None)
            if self.kept.pop(name, None) is not None:
                self._names.remove(name)

    def thaw(self, name: str, *, days: int) -> bool:
        self.faults.check()
        if name not in self.kept:
            raise Refused(f"There is no object {name}.")
        ready = name not in self.frozen
        self.frozen.discard(name)
        return ready


class MemorySecret:
    """A secret; None is one that is not there. `fetches` counts the reads."""

    def __init__(self, text: str | None = None) -> None:
        self.text = text
        self.fetches = 0
        self.faults = Faults()

    def fetch(self) -> str:
        self.fetches += 1
        self.faults.check()
        if self.text is None:
            raise SecretMissing("The secret has no version.")
        return self.text


class MemoryBroker:
    """A broker. Devices in `unknown` are refused, devices in `away` cannot be reached for now."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Event]] = []
        self.unknown: set[str] = set()
        self.away: set[str] = set()
        self.faults = Faults()

    def send(self, device: str, command: Event) -> None:
        self.faults.check()
        if device in self.unknown:
            raise Refused("The broker does not know the device.")
        if device in self.away:
            raise Retry("The device is away.")
        self.sent.append((device, command))


class MemoryWorkflow:
    """A workflow; `started` holds one entry per name."""

    def __init__(self) -> None:
        self.started: dict[str, Mapping[str, Any]] = {}
        self.calls = 0
        self.faults = Faults()

    def start(self, name: str, payload: Mapping[str, Any]) -> None:
        self.faults.check()
        self.calls += 1
        self.started.setdefault(name, payload)


class MemoryStateStore:
    """A state store. `after` raises what is put into it once the call has done its work."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._versions = count(1)
        self.records: dict[str, Record] = {}
        self.reads = self.writes = 0
        self.faults, self.after = Faults(), Faults()

    def read(self, names: Sequence[str]) -> Mapping[str, Record]:
        self.faults.check()
        with self._lock:
            self.reads += 1
            return {name: self.records[name] for name in names if name in self.records}

    def put_if_absent(self, name: str, text: str) -> str | None:
        return self._write(name, text, None)

    def replace(self, name: str, text: str, *, version: str) -> str | None:
        return self._write(name, text, version)

    def delete(self, name: str) -> None:
        self.faults.check()
        with self._lock:
            self.records.pop(name, None)

    def _write(self, name: str, text: str, version: str | None) -> str | None:
        self.faults.check()
        if len(text.encode("ascii")) > 60_000:
            raise ValueError("a text is longer than the store takes")
        with self._lock:
            there = self.records.get(name)
            if (there and there.version) != version:
                return None
            self.writes += 1
            self.records[name] = record = Record(text, str(next(self._versions)))
        self.after.check()
        return record.version


class MemoryCloud:
    """The factory: the same address gives the same thing."""

    def __init__(self, name: str = "aws") -> None:
        self._name = name
        self.queues: dict[str, MemoryQueue] = {}
        self.stores: dict[str, MemoryStore] = {}
        self.tiers: dict[str, MemoryObjects] = {}
        self.expiries: dict[str, MemoryExpiry] = {}
        self.secrets: dict[str, MemorySecret] = {}
        self.brokers: dict[str, MemoryBroker] = {}
        self.workflows: dict[str, MemoryWorkflow] = {}
        self.state_stores: dict[str, MemoryStateStore] = {}
        self.graphs: dict[str, MemoryGraph] = {}

    @property
    def name(self) -> str:
        return self._name

    def queue(self, address: str) -> MemoryQueue:
        return self.queues.setdefault(address, MemoryQueue())

    def store(self, address: str) -> MemoryStore:
        return self.stores.setdefault(address, MemoryStore())

    def objects(self, address: str) -> MemoryObjects:
        return self.tiers.setdefault(address, MemoryObjects())

    def expiry(self, address: str) -> MemoryExpiry:
        return self.expiries.setdefault(address, MemoryExpiry(self.store("STORE")))

    def graph(self, address: str, twin: Any) -> MemoryGraph:
        return self.graphs.setdefault(address, MemoryGraph())

    def grafana(self, address: str) -> MemoryGrafana:
        return MemoryGrafana(address)

    def secret(self, address: str) -> MemorySecret:
        return self.secrets.setdefault(address, MemorySecret())

    def broker(self, address: str) -> MemoryBroker:
        return self.brokers.setdefault(address, MemoryBroker())

    def workflow(self, address: str) -> MemoryWorkflow:
        return self.workflows.setdefault(address, MemoryWorkflow())

    def state_store(self, address: str) -> MemoryStateStore:
        return self.state_stores.setdefault(address, MemoryStateStore())


@dataclass(frozen=True)
class MemoryGrafana:
    """Access to a Grafana that listens at `url`."""

    url: str
    installs: bool = True

    @contextmanager
    def access(self) -> Iterator[str]:
        yield "Bearer nobody"


class MemoryGraph:
    """A twin graph. Puts of an edge whose ends are not there are refused, as Digital Twins does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.nodes: dict[str, GraphTwin] = {}
        self.edges: set[Relationship] = set()
        self.kept: dict[str, str] = {}
        self.marked = ""
        self.prepared = 0
        self.calls: list[tuple[str, str]] = []
        """What was written, in order: operation and id."""
        self.faults: dict[tuple[str, str], Exception] = {}
        """Raised once by the operation on the id, before it does anything."""

    def twins(
        self, *, type: str | None, cursor: str | None, limit: int
    ) -> tuple[Sequence[GraphTwin], str | None]:
        found = sorted(id_ for id_, node in self.nodes.items() if type in (None, node.type))
        return self._page([self.nodes[id_] for id_ in found], cursor, limit)

    def twin(self, id: str) -> GraphTwin | None:
        return self.nodes.get(id)

    def relationships(
        self, id: str, *, incoming: bool, cursor: str | None, limit: int
    ) -> tuple[Sequence[Relationship], str | None]:
        end = "target" if incoming else "source"
        found = [edge for edge in self.edges if getattr(edge, end) == id]
        return self._page(sorted(found, key=lambda e: (e.source, e.name, e.target)), cursor, limit)

    def prepare(self, twin: Any) -> None:
        self._check("prepare", "")
        self.prepared += 1

    def mark(self) -> str:
        return self.marked

    def set_mark(self, text: str) -> None:
        self._check("mark", text)
        self.marked = text

    def digests(self) -> Iterator[tuple[str, str]]:
        yield from list(self.kept.items())

    def put_twin(self, twin: GraphTwin, *, digest: str) -> None:
        self._check("put_twin", twin.id)
        with self._lock:
            there = self.nodes.get(twin.id)
            values = {"values": there.values, "time": there.time} if there else {}
            self.nodes[twin.id] = twin._replace(**values)
            self.kept[twin.id] = digest

    def put_relationships(self, id: str, edges: Sequence[Relationship], *, digest: str) -> None:
        self._check("put_relationships", id)
        if any(end not in self.nodes for edge in edges for end in (edge.source, edge.target)):
            raise Refused("An end of the edge is not there.")
        with self._lock:
            self.edges = {edge for edge in self.edges if edge.source != id} | set(edges)
            self.kept[id] = digest

    def delete_twin(self, id: str) -> None:
        self._check("delete_twin", id)
        with self._lock:
            self.nodes.pop(id, None)
            self.kept.pop(id, None)
            self.edges = {edge for edge in self.edges if id not in (edge.source, edge.target)}

    def set_values(self, id: str, values: Mapping[str, Any], time: str) -> None:
        self._check("set_values", id)
        with self._lock:
            there = self.nodes[id]
            self.nodes[id] = there._replace(values={**there.values, **values}, time=time)

    def replace_values(self, id: str, values: Mapping[str, Any], time: str | None) -> None:
        self._check("replace_values", id)
        with self._lock:
            if there := self.nodes.get(id):
                self.nodes[id] = there._replace(values=dict(values), time=time)

    def _check(self, operation: str, id_: str) -> None:
        with self._lock:
            if error := self.faults.pop((operation, id_), None):
                raise error
            self.calls.append((operation, id_))

    @staticmethod
    def _page(items: Sequence[Any], cursor: str | None, limit: int) -> tuple[Sequence[Any], str | None]:
        if cursor is not None and not cursor.isdecimal():
            raise Refused("The cursor is none of this graph's.")
        start = int(cursor or 0)
        end = start + limit
        return items[start:end], str(end) if end < len(items) else None
