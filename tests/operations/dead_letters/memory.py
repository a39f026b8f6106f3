"""A location of dead letters in memory, and the clouds that letters are resent to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from operations.dead_letters.letters import Received
from operations.dead_letters.sources.leases import LeasedSource
from support.memory import MemoryBroker, MemoryCloud, MemoryQueue, MemorySecret, MemoryStore


class MemoryLocation:
    """`Queue` of messages with the times at which they came, and the handles under which they are hidden."""

    max_body_bytes = 262_144
    batch_bytes = 131_072

    def __init__(self) -> None:
        self.messages: dict[str, tuple[bytes, float, dict[str, str]]] = {}
        self.hidden: set[str] = set()
        self.fail_delete = False
        self._number = 0

    def add(self, body: str | bytes, *, at: float = 1_700_000_000.0, **attributes: str) -> None:
        self._number += 1
        data = body if isinstance(body, bytes) else body.encode()
        self.messages[f"m{self._number}"] = (data, at, attributes)

    def send(self, bodies: Sequence[str], *, deadline: float = math.inf) -> None:
        for body in bodies:
            self.add(body)

    @property
    def bodies(self) -> list[str]:
        """What others would see."""
        return [body.decode() for id, (body, _, _) in self.messages.items() if id not in self.hidden]


class MemorySource(LeasedSource):
    """`Source` on such a location, three messages at a time."""

    pause_s = 0

    def __init__(self, location: MemoryLocation) -> None:
        super().__init__()
        self._location = location

    def _receive(self) -> list[Received]:
        free = [id for id in self._location.messages if id not in self._location.hidden][:3]
        self._location.hidden.update(free)
        return [
            Received(id=id, body=body, at=at, handle=id, attributes=attributes, reads=1)
            for id in free
            for body, at, attributes in [self._location.messages[id]]
        ]

    def _delete(self, messages: Sequence[Received]) -> None:
        if self._location.fail_delete:
            raise KeyboardInterrupt
        for message in messages:
            del self._location.messages[message.handle]
            self._location.hidden.discard(message.handle)

    def _release(self, handles: Sequence[Any]) -> None:
        self._location.hidden.difference_update(handles)

    def _queue(self) -> MemoryLocation:
        return self._location


class MemoryReach:
    """`Reach`: the runtime's ports in memory."""

    def __init__(self) -> None:
        self.cloud = MemoryCloud()
        self.locations: dict[str, MemoryLocation] = {}

    def location(self, address: str) -> MemoryLocation:
        return self.locations.setdefault(address, MemoryLocation())

    def queue(self, address: str) -> MemoryQueue:
        return self.cloud.queue(address)

    def store(self, address: str) -> MemoryStore:
        return self.cloud.store(address)

    def broker(self, address: str) -> MemoryBroker:
        return self.cloud.broker(address)

    def secret(self, address: str) -> MemorySecret:
        return self.cloud.secret(address)


class MemoryAccess:
    """`Access`: one reach for every cloud."""

    def __init__(self) -> None:
        self.reach = MemoryReach()

    def to(self, _cloud: str) -> MemoryReach:
        return self.reach
