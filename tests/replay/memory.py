"""A place of dead letters in memory, and the clouds that a replay sends to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from replay.letters import Received
from replay.sources.leases import LeasedSource
from support.memory import MemoryBroker, MemoryCloud, MemoryQueue, MemorySecret, MemoryStore


class MemoryPlace:
    """Messages with the times at which they came, and the handles under which they are hidden."""

    def __init__(self) -> None:
        self.messages: dict[str, tuple[bytes, float, dict[str, str]]] = {}
        self.hidden: set[str] = set()
        self.fail_delete = False
        self._number = 0

    def add(self, body: str | bytes, *, at: float = 1_700_000_000.0, **attributes: str) -> None:
        self._number += 1
        data = body if isinstance(body, bytes) else body.encode()
        self.messages[f"m{self._number}"] = (data, at, attributes)

    @property
    def bodies(self) -> list[str]:
        """What others would see."""
        return [body.decode() for id, (body, _, _) in self.messages.items() if id not in self.hidden]


class MemorySource(LeasedSource):
    """`Source` on such a place, three messages at a time."""

    def __init__(self, place: MemoryPlace) -> None:
        super().__init__(sleep=lambda _: None)
        self._place = place

    def _receive(self) -> list[Received]:
        free = [id for id in self._place.messages if id not in self._place.hidden][:3]
        self._place.hidden.update(free)
        return [
            Received(id=id, body=body, at=at, handle=id, attributes=attributes, reads=1)
            for id in free
            for body, at, attributes in [self._place.messages[id]]
        ]

    def _delete(self, messages: Sequence[Received]) -> None:
        if self._place.fail_delete:
            raise KeyboardInterrupt
        for message in messages:
            del self._place.messages[message.handle]
            self._place.hidden.discard(message.handle)

    def _release(self, handles: Sequence[Any]) -> None:
        self._place.hidden.difference_update(handles)

    def _send(self, bodies: Sequence[str]) -> None:
        for body in bodies:
            self._place.add(body)

    def _max_body_bytes(self) -> int:
        return 262_144


class MemoryReach:
    """`Reach`: the runtime's ports in memory."""

    def __init__(self) -> None:
        self.cloud = MemoryCloud()
        self.places: dict[str, MemoryPlace] = {}

    def place(self, address: str) -> MemoryPlace:
        return self.places.setdefault(address, MemoryPlace())

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
