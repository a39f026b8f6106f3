"""event_checker and event_feedback: from a stored event to a command at the device and a running workflow."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from support.benches import Bench, FakeSender
from support.memory import MemoryBroker, MemoryQueue, MemoryStateStore, MemoryWorkflow
from support.samples import DOCUMENT, TIME, TWIN, command, event, message
from twin_runtime import model, times
from twin_runtime.errors import ConfigurationError, Refused, Retry
from twin_runtime.events import cloudevents
from twin_runtime.events.rule_state import LEASE_S, MOST_FIRINGS
from twin_runtime.functions import event_checker
from twin_runtime.functions.event_checker import EventChecker, execution_name
from twin_runtime.functions.event_feedback import EventFeedback
from twin_runtime.ports import MAX_DELIVERIES, Event
from twin_runtime.wire.sender import Outcome

HOT, COLD = {"temperature": 81}, {"temperature": 20}
START = times.to_epoch(TIME)


def at(second: float) -> str:
    return times.from_epoch(START + second)


def twin(*rules: dict[str, Any], **changes: Any) -> model.Twin:
    """The sample twin with these rules, or with its own one changed."""
    return model.parse(DOCUMENT | {"rules": list(rules) or [DOCUMENT["rules"][0] | changes]})


class CheckerBench(Bench):
    def __init__(self, sender: FakeSender | None = None, twin: model.Twin = TWIN) -> None:
        super().__init__("event_checker")
        self.commands = MemoryQueue()
        self.workflow = MemoryWorkflow()
        self.states = MemoryStateStore()
        self.now = START
        self.slept: list[float] = []
        self.sender = sender
        self.load(twin)

    def load(self, twin: model.Twin) -> None:
        """Another process."""
        self.role = EventChecker(
            commands=None if self.sender else self.commands,
            sender=self.sender,  # type: ignore[arg-type]
            workflow=self.workflow,
            states=self.states,
            clock=lambda: self.now,
            sleep=self.slept.append,
            **self.shared(twin),
        )

    def sent(self) -> list[dict[str, Any]]:
        return [each for body in self.commands.bodies for each in json.loads(body)]

    def show(self, *events: Event, **options: Any) -> bool:
        """Deliver a message of these events; whether it is done."""
        return self.role.handle([message(*events, **options)]) == []


def test_a_fired_rule_sends_a_command_and_starts_the_workflow() -> None:
    bench = CheckerBench()
    hot = event("a", HOT)
    assert bench.show(hot, event("b", {"temperature": 80}, at=at(1)))
    (made,) = bench.sent()
    assert cloudevents.check(made, TWIN, cloudevents.COMMAND)
    assert (made["source"], made["subject"]) == (hot["source"], "set_point")
    assert made["data"] == {
        "command": "set_point",
        "value": 20,
        "rule": "overheating",
        "event_id": "a",
        "expires": at(300),
    }
    assert (made["time"], made["traceparent"]) == (hot["time"], hot["traceparent"])
    ((name, payload),) = bench.workflow.started.items()
    assert re.fullmatch(r"overheating-[0-9a-f]{32}", name)
    assert payload == {"twin": "factory", "rule": "overheating", "device": "thermostat-1", "event": hot}
    assert [line["rule"] for line in bench.lines.named("rule_fired")] == ["overheating"]


@pytest.mark.parametrize("cooldown", [0, 60])
def test_one_event_delivered_fifty_times_has_one_effect(cooldown: int) -> None:
    bench = CheckerBench(twin=twin(cooldown=cooldown))
    for attempt in range(1, MAX_DELIVERIES + 1):
        bench.now += 17
        bench.load(twin(cooldown=cooldown))
        assert bench.show(event("a", HOT), attempt=attempt)
    assert (len(bench.sent()), bench.workflow.calls) == (1, 1)


def test_a_device_that_stays_hot_for_an_hour_fires_once() -> None:
    bench = CheckerBench()
    for second in range(0, 3600, 10):
        bench.now = START + second
        assert bench.show(*(event(f"e{second + n}", HOT, at=at(second + n)) for n in range(10)))
    assert (len(bench.sent()), bench.workflow.calls) == (1, 1)
    assert bench.states.writes == 3, "what fires, that the workflow has started, and that the command is sent"
    assert bench.states.reads == 360, "one for each batch"
    assert bench.show(event("cold", COLD, at=at(3600)))
    assert bench.show(event("hot", HOT, at=at(3601)))
    assert (len(bench.sent()), bench.workflow.calls) == (2, 2)


def test_a_quiet_device_costs_no_write_and_a_read_a_batch() -> None:
    bench = CheckerBench()
    for number in range(10):
        events = [event(f"{number}-{n}", COLD, f"thermostat-{n % 2 + 1}", at(number)) for n in range(100)]
        bench.show(*events)
    assert (bench.states.reads, bench.states.writes) == (10, 0)
    assert bench.show(event("p", {"flow": 1.0}, device="pump-1"), event("other", {"humidity": 1}))
    assert bench.states.reads == 10, "no rule is about them"


def test_a_message_of_a_flapping_device_does_not_start_hundreds_of_workflows() -> None:
    bench = CheckerBench()
    readings = [event(f"{n}", {"temperature": 81 if n % 2 else 20}, at=at(n / 1000)) for n in range(1000)]
    for attempt in range(1, 6):
        assert bench.show(*readings, attempt=attempt)
    assert (len(bench.sent()), bench.workflow.calls) == (1, 1)


def test_without_a_cooldown_the_firings_in_progress_are_bounded() -> None:
    bench = CheckerBench(twin=twin(cooldown=0))
    readings = [event(f"{n:03}", {"temperature": 81 if n % 2 else 20}, at=at(n)) for n in range(100)]
    deliveries = 0
    while not bench.show(*readings, attempt=1):
        deliveries += 1
        assert len(bench.sent()) == bench.workflow.calls == MOST_FIRINGS * deliveries
    assert deliveries == 2
    assert [each["data"]["event_id"] for each in bench.sent()] == [f"{n:03}" for n in range(1, 100, 2)]


def test_old_events_fire_nothing() -> None:
    bench = CheckerBench()
    assert bench.show(event("2019", HOT, at="2019-03-01T00:00:00.000000Z"), event("15m", HOT, at=at(-901)))
    assert bench.sent() == []
    assert [line["looks"] for line in bench.lines.named("too_old")] == [2]
    assert bench.show(event("young", HOT, at=at(-899)))
    assert len(bench.sent()) == 1


def test_an_effect_that_is_left_is_done_however_old_its_event_has_become() -> None:
    bench = CheckerBench()
    bench.workflow.faults.ahead = [Retry("down")]
    assert not bench.show(event("a", HOT))
    bench.now += 10 * 86_400
    assert bench.show(event("a", HOT))
    assert (len(bench.sent()), bench.workflow.calls) == (1, 1)


def test_the_same_id_of_two_devices_is_two_commands() -> None:
    bench = CheckerBench()
    assert bench.show(event("a", HOT), event("a", HOT, device="thermostat-2"))
    assert len({made["id"] for made in bench.sent()}) == 2
    assert len(bench.workflow.started) == 2
    assert bench.states.reads == 1


def test_a_rule_of_another_type_does_not_fire() -> None:
    bench = CheckerBench()
    assert bench.show(event("a", HOT, device="pump-1"))
    assert bench.sent() == []
    assert bench.workflow.started == {}


def test_a_long_strange_rule_name_makes_a_good_execution_name() -> None:
    rule = twin(name="über " * 30).rules[0]
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,80}", execution_name(rule, event()))


def test_several_rules_on_one_event() -> None:
    second = {
        "name": "second",
        "device": "thermostat-1",
        "when": {"metric": "temperature", "above": 50},
        "then": {"feedback": {"command": "set_point", "value": 5, "expires_in": 60}},
    }
    bench = CheckerBench(twin=twin(DOCUMENT["rules"][0], second))
    assert bench.show(event("a", HOT))
    assert [made["data"]["rule"] for made in bench.sent()] == ["overheating", "second"]
    assert [made["data"]["expires"] for made in bench.sent()] == [at(300), at(60)]
    assert len(bench.workflow.started) == 1


def test_what_failed_is_done_by_the_next_delivery_and_nothing_else_is() -> None:
    bench = CheckerBench()
    bench.workflow.faults.ahead = [OSError("down")]
    messages = [message(event("a", HOT), id="m1"), message(event("b", HOT, "thermostat-2"), id="m2")]
    assert bench.role.handle(messages) == ["m1"]
    assert (len(bench.sent()), bench.workflow.calls) == (2, 1)
    assert bench.role.handle(messages) == []
    assert (len(bench.sent()), bench.workflow.calls) == (2, 2)


def test_a_command_that_failed_does_not_start_the_workflow_again() -> None:
    bench = CheckerBench()
    bench.commands.faults.ahead = [Retry("down"), OSError()]
    for attempt in (1, 2):
        assert not bench.show(event("a", HOT), attempt=attempt)
        assert (bench.sent(), bench.workflow.calls) == ([], 1)
    bench.now += 200
    assert bench.show(event("a", HOT), attempt=3)
    assert (len(bench.sent()), bench.workflow.calls) == (1, 1)
    assert bench.sent()[0]["data"]["expires"] == at(300), "from when the rule fired"


def test_what_is_refused_is_a_dead_letter_once_though_the_rest_comes_back() -> None:
    bench = CheckerBench()
    bench.workflow.faults.ahead = [Refused("The workflow does not take it.")]
    bench.commands.faults.ahead = [Retry("down")]
    assert not bench.show(event("a", HOT), attempt=1)
    assert bench.show(event("a", HOT), attempt=2)
    assert [letter.reason for letter in bench.letters()] == ["The workflow does not take it."]
    assert (len(bench.sent()), bench.workflow.calls) == (1, 0)


def test_a_dead_letter_that_cannot_be_put_is_put_by_the_next_delivery() -> None:
    bench = CheckerBench()
    bench.workflow.faults.ahead = [Refused("No."), Refused("No.")]
    bench.dead.faults.ahead = [OSError()]
    assert not bench.show(event("a", HOT))
    assert bench.show(event("a", HOT))
    assert [letter.reason for letter in bench.letters()] == ["No."]
    assert len(bench.sent()) == 1


def test_a_call_that_is_at_work_keeps_the_others_out_until_it_must_be_dead() -> None:
    bench = CheckerBench()
    other: list[bool] = []
    start = bench.workflow.start

    def slow(name: str, payload: Any) -> None:
        other.append(bench.show(event("a", HOT), attempt=2))
        start(name, payload)

    bench.workflow.start = slow  # type: ignore[method-assign]
    assert bench.show(event("a", HOT))
    assert other == [False]
    assert bench.lines.named("handled")[0]["reason"] == event_checker.BUSY
    assert (len(bench.sent()), bench.workflow.calls) == (1, 1)


class Killed(BaseException):
    """The platform ends the process."""


@pytest.mark.parametrize("early", [LEASE_S - 1, -LEASE_S + 1])
def test_a_call_that_died_is_taken_over(early: float) -> None:
    bench = CheckerBench()
    bench.workflow.faults.ahead = [Killed()]  # type: ignore[list-item]
    with pytest.raises(Killed):
        bench.show(event("a", HOT))
    bench.now = START + early
    assert not bench.show(event("a", HOT))
    assert bench.workflow.calls == 0
    bench.now = START + LEASE_S
    assert bench.show(event("a", HOT))
    assert (len(bench.sent()), bench.workflow.calls) == (1, 1)
    assert len(bench.lines.named("firing_taken_over")) == 1


def test_of_two_calls_that_look_at_once_one_fires() -> None:
    bench = CheckerBench()
    read = bench.states.read

    def late(names: Sequence[str]) -> Any:
        found = read(names)
        bench.states.read = read  # type: ignore[method-assign]
        assert bench.show(event("b", HOT, at=at(1)))
        return found

    bench.states.read = late  # type: ignore[method-assign]
    assert bench.show(event("a", HOT))
    assert [made["data"]["event_id"] for made in bench.sent()] == ["b"]
    assert bench.workflow.calls == 1
    assert len(bench.slept) == 1


def test_a_record_whose_answer_was_lost_is_ones_own() -> None:
    bench = CheckerBench()
    bench.states.after.ahead = [Retry("The answer was lost.")]
    assert bench.show(event("a", HOT))
    assert (len(bench.sent()), bench.workflow.calls) == (1, 1)


def test_a_store_that_is_down_brings_the_messages_back_before_anything_is_done() -> None:
    bench = CheckerBench()
    bench.states.faults.ahead = [Retry("down")]
    assert not bench.show(event("a", HOT))
    assert bench.show(event("p", {"flow": 1}, "pump-1"))
    bench.states.faults.ahead = [OSError()] * 20
    assert not bench.show(event("a", HOT))
    assert (bench.sent(), bench.workflow.calls) == ([], 0)
    bench.states.faults.ahead = []
    assert bench.show(event("a", HOT))
    assert (len(bench.sent()), bench.workflow.calls) == (1, 1)


def test_effects_that_cannot_be_recorded_are_not_repeated_by_bringing_the_event_back() -> None:
    bench = CheckerBench(twin=twin(then={"workflow": True}))
    start = bench.workflow.start

    def then_down(name: str, payload: Any) -> None:
        start(name, payload)
        bench.states.faults.ahead = [OSError()] * 100

    bench.workflow.start = then_down  # type: ignore[method-assign]
    assert bench.show(event("a", HOT))
    assert len(bench.lines.named("effects_not_recorded")) == 1
    assert len(bench.slept) == 4


def test_a_record_that_is_not_readable_is_logged_and_written_anew() -> None:
    bench = CheckerBench()
    for text in ("nonsense", "[]", '{"v":0}', '{"v":1,"rules":{"overheating":{}},"firings":[]}'):
        bench.states.records.clear()
        bench.states.put_if_absent("thermostat-1", text)
        bench.now += 1000
        assert bench.show(event(f"e{bench.now}", HOT, at=times.from_epoch(bench.now)))
    assert len(bench.lines.named("state_unreadable")) == 4
    assert len(bench.sent()) == 4


def test_a_condition_that_has_changed_begins_anew_after_the_cooldown() -> None:
    bench = CheckerBench()
    assert bench.show(event("a", HOT))
    bench.load(twin(when={"metric": "temperature", "above": 70}))
    bench.now += 30
    assert bench.show(event("b", HOT, at=at(30)))
    assert len(bench.sent()) == 1
    bench.now += 31
    assert bench.show(event("c", HOT, at=at(61)))
    assert len(bench.sent()) == 2


def test_a_firing_of_a_rule_that_is_gone_is_dropped() -> None:
    bench = CheckerBench()
    bench.commands.faults.ahead = [Retry("down")]
    assert not bench.show(event("a", HOT))
    other = DOCUMENT["rules"][0] | {"name": "other", "when": {"metric": "temperature", "above": 90}}
    bench.load(twin(other))
    assert bench.show(event("a", HOT))
    assert bench.sent() == []
    assert [line["rule"] for line in bench.lines.named("firing_dropped")] == ["overheating"]


def test_remote_feedback() -> None:
    sender = FakeSender()
    bench = CheckerBench(sender)
    devices = ("thermostat-1", "thermostat-2")
    events = [event("a", HOT, device) for device in devices]
    made = [event_checker.command(TWIN, TWIN.rules[0], TWIN.rules[0].feedback, e, START) for e in events]  # type: ignore[arg-type]
    first, second = (each["id"] for each in made)
    sender.outcomes = {first: Outcome("retry", "Down."), second: Outcome("refused", "No.")}
    messages = [message(each, id=device) for each, device in zip(events, devices, strict=True)]
    assert bench.role.handle(messages) == ["thermostat-1"]
    (letter,) = bench.letters()
    assert (letter.event or {})["type"] == cloudevents.COMMAND
    sender.outcomes = {first: Outcome("refused", "No.", True)}
    assert bench.role.handle(messages) == []
    assert sender.calls == [[first, second], [first]]
    assert len(bench.letters()) == 1


def test_a_checker_has_one_way_to_feed_back() -> None:
    with pytest.raises(ConfigurationError):
        EventChecker(workflow=MemoryWorkflow(), states=MemoryStateStore(), **Bench().shared())


def feedback(now: float = START, **fields: Any) -> tuple[Bench, MemoryBroker, EventFeedback, list[Event]]:
    """A role with two commands for it. `fields` are its twin's that differ."""
    checker = CheckerBench()
    assert checker.show(event("a", HOT), event("b", HOT, device="thermostat-2"))
    bench, broker = Bench("event_feedback"), MemoryBroker()
    role = EventFeedback(broker=broker, clock=lambda: now, **bench.shared(replace(TWIN, **fields)))
    return bench, broker, role, checker.sent()


def test_commands_reach_their_devices() -> None:
    _, broker, role, commands = feedback()
    assert role.handle([message(*commands)]) == []
    assert broker.sent == [("thermostat-1", commands[0]), ("thermostat-2", commands[1])]


def test_a_command_that_waited_too_long_goes_to_the_dead_letters() -> None:
    bench, broker, role, commands = feedback(now=START + 300)
    assert role.handle([message(*commands)]) == []
    assert broker.sent == []
    reason = f"The command expired at {at(300)}, and was not sent."
    assert [letter.reason for letter in bench.letters()] == [reason] * 2
    _, broker, role, commands = feedback(now=START + 299)
    assert role.handle([message(*commands)]) == []
    assert len(broker.sent) == 2


def test_a_device_that_is_away_gets_no_command_of_last_week() -> None:
    bench, broker, _, commands = feedback()
    now = START
    role = EventFeedback(broker=broker, clock=lambda: now, **bench.shared())
    broker.away = {"thermostat-1"}
    for attempt in range(1, 5):
        assert role.handle([message(commands[0], attempt=attempt)]) == ["m1"]
        now += 60
    now += 7 * 86_400
    broker.away = set()
    assert role.handle([message(commands[0], attempt=5)]) == []
    assert broker.sent == []
    assert len(bench.letters()) == 1


BAD_COMMANDS = {
    "another value type": ({"value": "20"}, "The value of the command is not of the type number."),
    "true is no number": ({"value": True}, "The value of the command is not of the type number."),
    "another field": (
        {"also": 1},
        "The data of a command has exactly the fields command, event_id, expires, rule, value.",
    ),
    "no expiry": (
        {"expires": None},
        "The command does not say when it expires, in UTC with six fractional digits.",
    ),
    "an expiry of another form": (
        {"expires": "2999-01-01T00:00:00Z"},
        "The command does not say when it expires, in UTC with six fractional digits.",
    ),
    "an undeclared command": ({"command": "explode"}, "The command is not one of the device's type."),
}


@pytest.mark.parametrize(("changes", "reason"), BAD_COMMANDS.values(), ids=BAD_COMMANDS)
def test_a_command_that_no_twin_of_this_type_makes_is_refused(changes: dict[str, Any], reason: str) -> None:
    bench, broker, role, _ = feedback()
    assert role.handle([message(command(**changes))]) == []
    assert broker.sent == []
    assert [letter.reason for letter in bench.letters()] == [reason]


@pytest.mark.parametrize("changes", [{"value": 99}, {"rule": "made up"}, {"rule": ["overheating"]}])
def test_a_command_that_no_rule_makes_waits_until_it_expires(changes: dict[str, Any]) -> None:
    expires = at(60)
    bench, broker, role, _ = feedback()
    assert role.handle([message(command(expires=expires, **changes), attempt=3)]) == ["m1"]
    bench, broker, role, _ = feedback(now=START + 60)
    assert role.handle([message(command(expires=expires, **changes), attempt=4)]) == []
    assert broker.sent == []
    assert [letter.reason for letter in bench.letters()] == [
        f"The command expired at {expires}, and was not sent."
    ]


def test_a_command_of_a_rule_about_another_device_is_not_sent() -> None:
    own = DOCUMENT["rules"][0] | {"device_type": None, "device": "thermostat-1"}
    rules = twin({name: value for name, value in own.items() if value is not None}).rules
    _, broker, role, _ = feedback(rules=rules)
    assert role.handle([message(command(device="thermostat-2"))]) == ["m1"]
    assert role.handle([message(command())]) == []
    assert [device for device, _ in broker.sent] == ["thermostat-1"]


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


def test_the_time_that_counts_is_the_real_one_where_no_clock_is_given() -> None:
    bench = CheckerBench()
    bench.role = EventChecker(
        commands=bench.commands, workflow=bench.workflow, states=bench.states, **bench.shared()
    )
    assert bench.show(event("old", HOT), event("new", HOT, at=times.from_epoch(time.time())))
    assert [made["data"]["event_id"] for made in bench.sent()] == ["new"]
