"""Each cloud, as an operator reaches it: the adapters are the functions' own, the credentials are not."""

from __future__ import annotations

from typing import Protocol

from replay.places import Place
from replay.sources import Source
from twin_runtime.ports import Broker, Queue, SecretSource, Store


class Reach(Protocol):
    """One cloud: a place of dead letters, and all that letters go to."""

    def source(self, place: Place) -> Source: ...

    def queue(self, address: str) -> Queue: ...

    def store(self, address: str) -> Store: ...

    def broker(self, address: str) -> Broker: ...

    def secret(self, address: str) -> SecretSource: ...
