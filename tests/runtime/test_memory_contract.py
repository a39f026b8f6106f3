"""The adapters in memory keep the contract that every cloud's keep."""

from __future__ import annotations

from typing import Any

import pytest

from contract.adapter_contract import (
    CatalogueContract,
    DeadLetterContract,
    ObjectsContract,
    QueueContract,
    ReplacedObjectsContract,
    SecretContract,
    StoreContract,
)
from contract.effects_contract import EffectsContract
from support.dying import Dying, Fuse
from support.memory import MemoryObjects, MemoryQueue, MemorySecret, MemoryStateStore, MemoryStore


class TestQueue(QueueContract):
    @pytest.fixture
    def queue(self) -> MemoryQueue:
        return MemoryQueue()

    def drain(self, queue: MemoryQueue) -> list[str]:
        return [str(message.body) for message in queue.take()]


class TestDeadLetters(DeadLetterContract):
    @pytest.fixture
    def queue(self) -> MemoryQueue:
        return MemoryQueue()

    def drain(self, queue: MemoryQueue) -> list[str]:
        return [str(message.body) for message in queue.take()]


class TestStore(StoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()

    def dying(self, store: MemoryStore, fuse: Fuse) -> Any:
        return Dying(store, fuse, ("put_if_absent",))


class TestObjects(ObjectsContract, ReplacedObjectsContract, CatalogueContract):
    @pytest.fixture
    def objects(self) -> MemoryObjects:
        return MemoryObjects()


class TestEffects(EffectsContract):
    @pytest.fixture
    def state(self) -> MemoryStateStore:
        return MemoryStateStore()


class TestSecret(SecretContract):
    @pytest.fixture
    def secret(self) -> MemorySecret:
        return MemorySecret()

    def write(self, secret: MemorySecret, text: str) -> None:
        secret.text = text
