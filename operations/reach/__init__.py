"""Connections to each cloud with the operator's credentials; the adapters are those of the functions."""

from __future__ import annotations

from typing import Protocol

from twin_runtime.ports import Broker, Objects, Queue, SecretSource, Store


class Reach(Protocol):
    """A cloud, by the ports of the runtime."""

    def queue(self, address: str) -> Queue: ...

    def store(self, address: str) -> Store: ...

    def objects(self, address: str) -> Objects: ...

    def broker(self, address: str) -> Broker: ...

    def secret(self, address: str) -> SecretSource: ...
