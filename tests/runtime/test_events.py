"""event_checker and event_feedback: from a stored event to a command at the device and a running workflow."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from support.benches import Bench, FakeSender
from support.memory import MemoryBroker, MemoryQueue, MemoryWorkflow
from support.samples import DOCUMENT, TWIN, event, message
from twin_runtime import model
from twin_runtime.errors import ConfigurationError, Refused, Retry
from twin_runtime.events import cloudevents
from twin_runtime.functions.event_checker import EventChecker, execution_name
from twin_runtime.functions.event_feedback import EventFeedback
from twin_runtime.wire.sender import Outcome

HOT = {"temperature": 81}


class CheckerBench(Bench):
    def __init__(self, sender: FakeSender | None = None, twin: model.Twin = TWIN) -> None:
        super().__init__("event_checker")
        self.commands = MemoryQueue()
        self.workflow = MemoryWorkflow()
        self.role = EventChecker(
            commands=None if sender else self.commands,
            sender=sender,  # type: ignore[arg-type]
            workflow=self.workflow,
            **self.shared(twin),
        )

    def sent(self) -> list[dict[str, Any]]:
        return [each for body in self.commands.bodies for each in json.loads(body)]


def test_a_fired_rule_sends_a_command_and_starts_the_workflow() -> None:
    bench = CheckerBench()
    hot = event("a", HOT)
    assert bench.role.handle([message(hot, event("b", {"temperature": 80}))]) == []
    (made,) = bench.sent()
    assert cloudevents.check(made, TWIN, cloudevents.COMMAND)
    assert (made["source"], made["subject"]) == (hot["source"], "set_point")
    assert made["data"] == {"command": "set_point", "value": 20, "rule": "overheating", "event_id": "a"}
    assert (made["time"], made["traceparent"]) == (hot["time"], hot["traceparent"])
    ((name, payload),) = bench.workflow.started.items()
    assert re.fullmatch(r"overheating-[0-9a-f]{32}", name)
    assert payload == {"twin": "factory", "rule": "overheating", "device": "thermostat-1", "event": hot}


def test_checking_again_repeats_nothing_new() -> None:
    bench = CheckerBench()
    for attempt in (1, 2):
        bench.role.handle([message(event("a", HOT), attempt=attempt)])
    assert len({made["id"] for made in bench.sent()}) == 1
    assert len(bench.workflow.started) == 1
    assert bench.workflow.calls == 2


def test_the_same_id_of_two_devices_is_two_commands() -> None:
    bench = CheckerBench()
    bench.role.handle([message(event("a", HOT), event("a", HOT, device="thermostat-2"))])
    assert len({made["id"] for made in bench.sent()}) == 2
    assert len(bench.workflow.started) == 2


def test_a_rule_of_another_type_does_not_fire() -> None:
    bench = CheckerBench()
    bench.role.handle([message(event("a", HOT, device="pump-1"))])
    assert bench.sent() == []
    assert bench.workflow.started == {}


def test_a_long_strange_rule_name_makes_a_good_execution_name() -> None:
    document = DOCUMENT["rules"][0] | {"name": "über " * 30}
    rule = model.parse(DOCUMENT | {"rules": [document]}).rules[0]
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,80}", execution_name(rule, event()))


def test_several_rules_on_one_event() -> None:
    second = {
        "name": "second",
        "device": "thermostat-1",
        "when": {"metric": "temperature", "above": 50},
        "then": {"feedback": {"command": "set_point", "value": 5}},
    }
    bench = CheckerBench(twin=model.parse(DOCUMENT | {"rules": [DOCUMENT["rules"][0], second]}))
    bench.role.handle([message(event("a", HOT))])
    assert [made["data"]["rule"] for made in bench.sent()] == ["overheating", "second"]
    assert len(bench.workflow.started) == 1


def test_faults_bring_the_message_back() -> None:
    bench = CheckerBench()
    bench.workflow.faults.ahead = [OSError("down")]
    messages = [message(event("a", HOT), id="m1"), message(event("b", HOT), id="m2")]
    assert bench.role.handle(messages) == ["m1"]
    bench.commands.faults.ahead = [Retry("down")]
    assert bench.role.handle(messages) == ["m1", "m2"]
    bench.workflow.faults.ahead = [Refused("The workflow does not take it.")]
    assert bench.role.handle(messages[:1]) == []
    assert bench.letters()[0].reason == "The workflow does not take it."


def test_remote_feedback() -> None:
    sender = FakeSender()
    bench = CheckerBench(sender)
    events = [event(id, HOT) for id in "abc"]
    bench.role.handle([message(*events)])
    a, b, c = sender.calls[0]
    sender.outcomes = {
        a: Outcome("retry", "Down."),
        b: Outcome("refused", "No."),
        c: Outcome("refused", "No.", True),
    }
    assert bench.role.handle([message(each, id=each["id"]) for each in events]) == ["a"]
    (letter,) = bench.letters()
    assert (letter.event or {})["type"] == cloudevents.COMMAND


def test_a_checker_has_one_way_to_feed_back() -> None:
    with pytest.raises(ConfigurationError):
        EventChecker(workflow=MemoryWorkflow(), **Bench().shared())


def feedback(**fields: Any) -> tuple[Bench, MemoryBroker, EventFeedback, list[dict[str, Any]]]:
    """A role with two commands for it. `fields` are its twin's that differ."""
    checker = CheckerBench()
    checker.role.handle([message(event("a", HOT), event("b", HOT, device="thermostat-2"))])
    bench, broker = Bench("event_feedback"), MemoryBroker()
    role = EventFeedback(broker=broker, **bench.shared(replace(TWIN, **fields)))
    return bench, broker, role, checker.sent()


def test_commands_reach_their_devices() -> None:
    _, broker, role, commands = feedback()
    assert role.handle([message(*commands)]) == []
    assert broker.sent == [("thermostat-1", commands[0]), ("thermostat-2", commands[1])]


def test_one_device_that_is_away_does_not_hold_up_or_repeat_the_others() -> None:
    bench, broker, role, commands = feedback()
    broker.away = {"thermostat-1"}
    assert role.handle([message(*commands)]) == ["m1"]
    broker.away = set()
    assert role.handle([message(*commands, attempt=2)]) == []
    assert [device for device, _ in broker.sent] == ["thermostat-2", "thermostat-1"]
    assert bench.letters() == []


def test_a_device_that_the_broker_does_not_know() -> None:
    bench, broker, role, commands = feedback()
    broker.unknown = {"thermostat-1"}
    assert role.handle([message(*commands)]) == []
    assert [letter.event for letter in bench.letters()] == [commands[0]]
    assert [device for device, _ in broker.sent] == ["thermostat-2"]


def test_a_revoked_device_gets_no_command_and_others_do() -> None:
    bench, broker, role, commands = feedback(revoked=frozenset({"thermostat-1"}))
    assert role.handle([message(*commands)]) == []
    assert broker.sent == [("thermostat-2", commands[1])]
    (letter,) = bench.letters()
    assert (letter.event, letter.reason) == (commands[0], "The device is revoked.")


def test_telemetry_is_not_a_command() -> None:
    bench, broker, role, _ = feedback()
    assert role.handle([message(event())]) == []
    assert broker.sent == []
    assert "The type is not" in bench.letters()[0].reason
