"""The event checker on a state store: each effect of a firing once, on every cloud's store alike."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from support.benches import Bench
from support.memory import MemoryQueue, MemoryWorkflow
from support.samples import TIME, TWIN, event, message
from twin_runtime import times
from twin_runtime.functions.event_checker import EventChecker
from twin_runtime.ports import MAX_DELIVERIES, StateStore

START = times.to_epoch(TIME)
HOT, COLD = {"temperature": 81}, {"temperature": 20}


class Twin(Bench):
    """The sample twin's rule, whose state is in `state`."""

    def __init__(self, state: StateStore) -> None:
        super().__init__("event_checker")
        self.state = state
        self.workflow, self.commands = MemoryWorkflow(), MemoryQueue()
        self.now = START

    def show(self, *events: Any, attempt: int = 1) -> bool:
        """Deliver a message of these events to another process; whether it is done."""
        role = EventChecker(
            workflow=self.workflow,
            commands=self.commands,
            states=self.state,
            clock=lambda: self.now,
            **self.shared(TWIN),
        )
        return role.handle([message(*events, attempt=attempt)]) == []

    def effects(self) -> tuple[int, int]:
        sent = {each["id"] for body in self.commands.bodies for each in json.loads(body)}
        assert len(sent) == len(self.commands.bodies)
        return self.workflow.calls, len(sent)


class EffectsContract:
    """Of `ports.StateStore`, as the event checker uses it."""

    @pytest.fixture
    def state(self) -> StateStore:
        """An empty store."""
        raise NotImplementedError

    def test_one_event_delivered_fifty_times(self, state: StateStore) -> None:
        twin = Twin(state)
        for attempt in range(1, MAX_DELIVERIES + 1):
            twin.now += 10
            assert twin.show(event("a", HOT), attempt=attempt)
        assert twin.effects() == (1, 1)

    def test_one_episode_fires_once_and_the_next_one_again(self, state: StateStore) -> None:
        twin = Twin(state)
        for second in range(0, 300, 30):
            twin.now = START + second
            data = COLD if second == 150 else HOT
            assert twin.show(event(f"e{second}", data, at=times.from_epoch(twin.now)))
        assert twin.effects() == (2, 2)

    def test_many_deliveries_at_the_same_time(self, state: StateStore) -> None:
        twin = Twin(state)
        with ThreadPoolExecutor(8) as pool:
            done = list(pool.map(lambda _: twin.show(event("a", HOT), event("b", HOT)), range(8)))
        assert any(done)
        assert twin.show(event("a", HOT), event("b", HOT))
        assert twin.effects() == (1, 1)
