"""A call that has too much to do ends in time, keeps what it did, and brings back the rest."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from support.benches import Bench, FakeSender
from support.memory import (
    MemoryBroker,
    MemoryCloud,
    MemoryQueue,
    MemoryStateStore,
    MemoryStore,
    MemoryWorkflow,
)
from support.samples import API_KEY, DOCUMENT, KEY_1, TIME, Lines, event, log, message
from twin_runtime import functions, model, settings, times
from twin_runtime.context import Context
from twin_runtime.events import cloudevents
from twin_runtime.functions import event_checker, persister
from twin_runtime.functions.connector import Connector
from twin_runtime.functions.event_checker import EventChecker
from twin_runtime.functions.event_feedback import EventFeedback
from twin_runtime.functions.persister import Persister
from twin_runtime.ports import MAX_DELIVERIES, Message, Row, Unstored
from twin_runtime.roles import Role
from twin_runtime.storage import rows
from twin_runtime.wire.sender import Outcome

HOT = {"temperature": 81}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock of a queue role or its store costs a second: a budget of 3.5 is time for three
    things."""
    seconds = count()
    fake = SimpleNamespace(monotonic=lambda: float(next(seconds)))
    for module in ("deadlines", "functions.event_checker", "storage.rows"):
        monkeypatch.setattr(f"twin_runtime.{module}.time", fake)
    monkeypatch.setattr("support.memory.time", fake)


def test_a_slow_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persister, "ROWS_AT_ONCE", 2)
    bench, store, events = Bench("persister"), MemoryStore(), MemoryQueue()
    role = Persister(store=store, events=events, **bench.shared())
    messages = [message(event(f"{m}a"), event(f"{m}b"), id=m) for m in ("m1", "m2", "m3")]
    assert role.handle(messages, budget=5.5) == ["m3"]
    assert sorted(row.id for row in store.of_devices) == ["m1a", "m1b", "m2a", "m2b"]
    assert len(json.loads(events.bodies[0])) == 4


def test_a_store_that_fails_midway_does_not_undo_what_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persister, "ROWS_AT_ONCE", 1)
    bench, store, events = Bench("persister"), MemoryStore(), MemoryQueue()
    role = Persister(store=store, events=events, **bench.shared())

    def fails_on_b(rows: list[Row], *, deadline: float) -> list[Unstored]:
        if rows[0].id == "b":
            raise OSError
        return []

    monkeypatch.setattr(store, "put_if_absent", fails_on_b)
    messages = [message(event(id), id=id) for id in "abc"]
    assert role.handle(messages, budget=100) == ["b", "c"]
    assert [each["id"] for body in events.bodies for each in json.loads(body)] == ["a"]


def test_rows_are_not_tried_again_when_the_time_is_over() -> None:
    store = MemoryStore()
    store.unstored = [[Unstored(0, "Busy.")]] * 4
    row = Row("d", "t", "i", "k", "{}", "", 0)
    assert rows.store(store, [row], log()[0], deadline=0.5)[0].reason == "Busy."
    assert len(store.unstored) == 3


def checker(
    devices: int, *, workflows: bool, **feedback: Any
) -> tuple[EventChecker, MemoryWorkflow, list[Message]]:
    """A checker, and a message for each of so many devices on which a rule fires."""
    names = [f"t{n}" for n in range(devices)]
    rule = DOCUMENT["rules"][0]
    rule = rule | {"then": rule["then"] | {"workflow": workflows}}
    twin = model.parse(DOCUMENT | {"devices": dict.fromkeys(names, "thermostat"), "rules": [rule]})
    workflow = MemoryWorkflow()
    role = EventChecker(
        workflow=workflow,
        states=MemoryStateStore(),
        clock=lambda: times.to_epoch(TIME),
        **feedback,
        **Bench("event_checker").shared(twin),
    )
    hot = [event("e", HOT) | {"source": cloudevents.source(twin.name, name)} for name in names]
    return role, workflow, [message(each, id=name) for each, name in zip(hot, names, strict=True)]


def test_many_workflows_leave_time_for_the_commands() -> None:
    sender = FakeSender()
    role, workflow, messages = checker(6, workflows=True, sender=sender)
    # Half of it: the deadline is at 13.5 s, the half at 7.25 s. A device takes a look before its firing is
    # recorded and one before its workflow starts.
    assert role.handle(messages, budget=13.5) == ["t3", "t4", "t5"]
    assert workflow.calls == 3
    assert len(sender.calls[0]) == 3
    assert role.handle(messages[3:], budget=100) == []
    assert workflow.calls == 6
    assert len(sender.calls[1]) == 3


def test_many_commands() -> None:
    commands = MemoryQueue()
    role, _, messages = checker(6, workflows=False, commands=commands)
    # Each look at the clock takes a second, and a send looks too: two commands are sent before it is over.
    assert role.handle(messages, budget=11.5) == ["t2", "t3", "t4", "t5"]
    assert role.handle(messages[2:], budget=100) == []
    assert [len(json.loads(body)) for body in commands.bodies] == [1] * 6, "a message is one device's alone"
    bench, broker = Bench("event_feedback"), MemoryBroker()
    feedback = EventFeedback(broker=broker, clock=lambda: times.to_epoch(TIME), **bench.shared(role.twin))
    assert feedback.handle(commands.take(), budget=3.5) == ["m3", "m4", "m5"]
    assert len(broker.sent) == 3


def test_the_dead_letters_of_a_last_delivery_get_their_time() -> None:
    deadlines: list[float] = []

    class Down(FakeSender):
        def deliver(self, events: object, *, deadline: float, texts: object = ()) -> list[Outcome]:
            deadlines.append(deadline)
            return [Outcome("retry", "Down.")] * 1_000

    bench = Bench("connector")
    role = Connector(sender=Down(), **bench.shared())  # type: ignore[arg-type]
    events = [event(f"e{n}") for n in range(1_000)]
    role.handle([message(*events)], budget=50)
    role.handle([message(*events, attempt=MAX_DELIVERIES)], budget=50)
    assert deadlines == [50, 51 - 5]
    role.handle([message(*events, attempt=MAX_DELIVERIES)], budget=4)
    assert deadlines[2] == 53 - 50 + 4 - 2, "never more than half"


def test_a_request_of_commands_is_small_enough_to_be_answered_in_time(tmp_path: Path) -> None:
    (tmp_path / "twin.json").write_text(json.dumps(DOCUMENT))
    cloud = MemoryCloud("aws")
    cloud.secret("link_secret").text = json.dumps(
        {"url": "ftp:", "api_key": API_KEY, "signing_keys": [KEY_1]}
    )
    environ = {name: name.lower() for name in settings.expected(Role.EVENT_CHECKER, "aws", remote=True)}
    context = Context(Role.EVENT_CHECKER, cloud, environ=environ, root=tmp_path, sink=Lines())
    role = functions.assemble(context)
    assert role._sender is not None
    # A command takes an adapter up to 0.1 s or so; `test_deadlines` has how long the sender waits.
    assert role._sender._policy.max_events == event_checker.COMMANDS_PER_REQUEST == 50
