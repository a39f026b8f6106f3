"""The ports in memory, with faults to order: what tests of the functions run on."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from twin_runtime.errors import Refused, Retry, SecretMissing
from twin_runtime.ports import Event, Message, Page, Row, Unstored


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

    def send(self, bodies: Sequence[str]) -> None:
        self.faults.check()
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
    """A store. `unstored` is returned by the next calls of put, one entry per call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.rows: dict[tuple[str, str], Row] = {}
        self.writes = 0
        self.unstored: list[list[Unstored]] = []
        self.faults = Faults()

    def put(self, rows: Sequence[Row]) -> Sequence[Unstored]:
        self.faults.check()
        keys = [(row.device, row.key) for row in rows]
        if len(set(keys)) != len(keys):
            raise ValueError("a key is there twice")
        missed = self.unstored.pop(0) if self.unstored else []
        skip = {each.index for each in missed}
        with self._lock:
            self.writes += len(rows) - len(skip)
            self.rows.update((keys[i], row) for i, row in enumerate(rows) if i not in skip)
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


class MemoryCloud:
    """The factory: the same address gives the same thing."""

    def __init__(self, name: str = "aws") -> None:
        self._name = name
        self.queues: dict[str, MemoryQueue] = {}
        self.stores: dict[str, MemoryStore] = {}
        self.secrets: dict[str, MemorySecret] = {}
        self.brokers: dict[str, MemoryBroker] = {}
        self.workflows: dict[str, MemoryWorkflow] = {}

    @property
    def name(self) -> str:
        return self._name

    def queue(self, address: str) -> MemoryQueue:
        return self.queues.setdefault(address, MemoryQueue())

    def store(self, address: str) -> MemoryStore:
        return self.stores.setdefault(address, MemoryStore())

    def secret(self, address: str) -> MemorySecret:
        return self.secrets.setdefault(address, MemorySecret())

    def broker(self, address: str) -> MemoryBroker:
        return self.brokers.setdefault(address, MemoryBroker())

    def workflow(self, address: str) -> MemoryWorkflow:
        return self.workflows.setdefault(address, MemoryWorkflow())
