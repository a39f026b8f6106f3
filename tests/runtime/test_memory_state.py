"""The state store in memory keeps the contract that every cloud's keeps."""

from __future__ import annotations

import pytest

from contract.state_contract import StateContract
from support.memory import MemoryStateStore


class TestMemory(StateContract):
    @pytest.fixture
    def state(self) -> MemoryStateStore:
        return MemoryStateStore()
