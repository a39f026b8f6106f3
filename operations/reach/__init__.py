"""Connections to each cloud with the operator's credentials; the adapters are those of the functions."""

from __future__ import annotations

from typing import Protocol

from twin_runtime.model import Twin
from twin_runtime.ports import Broker, GraphWriter, Objects, Queue, SecretSource, StateStore, Store


class Reach(Protocol):
    """A cloud, by the ports of the runtime."""

    def queue(self, address: str) -> Queue: ...

    def store(self, address: str) -> Store: ...

    def objects(self, address: str) -> Objects: ...

    def graph(self, address: str, twin: Twin) -> GraphWriter: ...

    def state_store(self, address: str) -> StateStore: ...

    def broker(self, address: str) -> Broker: ...

    def secret(self, address: str) -> SecretSource: ...

    def identity(self) -> str | None:
        """The operator's name in the cloud; None where the credentials do not tell it."""
        ...
