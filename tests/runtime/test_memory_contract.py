"""The adapters in memory keep the contract that every cloud's keep."""

from __future__ import annotations

import pytest

from contract.adapter_contract import (
    DeadLetterContract,
    IdempotencyContract,
    ObjectsContract,
    QueueContract,
    SecretContract,
    StoreContract,
)
from support.memory import MemoryIdempotencyStore, MemoryObjects, MemoryQueue, MemorySecret, MemoryStore


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


class TestObjects(ObjectsContract):
    @pytest.fixture
    def objects(self) -> MemoryObjects:
        return MemoryObjects()


class TestIdempotencyStore(IdempotencyContract):
    @pytest.fixture
    def store(self) -> MemoryIdempotencyStore:
        return MemoryIdempotencyStore()


class TestSecret(SecretContract):
    @pytest.fixture
    def secret(self) -> MemorySecret:
        return MemorySecret()

    def write(self, secret: MemorySecret, text: str) -> None:
        secret.text = text
