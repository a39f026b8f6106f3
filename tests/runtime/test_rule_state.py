"""When a rule fires, against the clock and the times of its events; and how large the state becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.samples import DOCUMENT, TIME, event
from twin_runtime import times
from twin_runtime.events import cloudevents, rule_state
from twin_runtime.events.rule_state import Device
from twin_runtime.rules import parse
from twinspan.config.events import MOST_COMPARISONS, MOST_RULES

START = times.to_epoch(TIME)
TEMPERATURE = {"metric": "temperature", "above": 80}


class Checker:
    """One device with one rule. Its state goes through text at every look."""

    def __init__(self, when: Any = TEMPERATURE, **fields: Any) -> None:
        self.rule = parse(
            {"name": "r", "device_type": "thermostat", "when": when, "then": {"workflow": True}}
            | {"cooldown": 0, **fields}
        )
        self.text: str | None = None
        self.writes = 0
        self.count = 0

    def look(self, second: float, data: Any, *, now: float | None = None, id: str = "") -> bool:
        """Whether the rule fires on an event of that second."""
        self.count += 1
        shown = event(id or f"e{self.count}", data, at=times.from_epoch(START + second))
        clock = START + (second if now is None else now)
        device = Device([self.rule], self.text)
        found = device.look([shown], clock, "call")
        for firing, rule, _ in found.mine:
            device.settle(rule.name, firing.event, ["workflow"], call="call", release=False)
        if device.changed:
            self.writes += 1
            self.text = device.text(clock)
        return bool(found.mine)

    def hot(self, *seconds: float, value: float = 81) -> list[float]:
        """Those of the seconds in which a reading makes the rule fire."""
        return [second for second in seconds if self.look(second, {"temperature": value})]


def test_it_fires_when_it_becomes_true_and_again_after_it_was_false() -> None:
    checker = Checker()
    assert checker.hot(0, 1, 2) == [0]
    assert checker.hot(3, value=80) == []
    assert checker.hot(4, 5) == [4]
    assert checker.writes == 3


def test_hysteresis() -> None:
    checker = Checker(hysteresis=2)
    assert checker.hot(0) == [0]
    assert checker.hot(1, 2, value=79) == []
    assert checker.hot(3) == []
    assert checker.hot(4, value=78) == []
    assert checker.hot(5, value=79) == []
    assert checker.hot(6) == [6]


def test_for() -> None:
    checker = Checker(**{"for": 30})
    assert checker.hot(0, 10, 29.9) == []
    assert checker.hot(30, 31, 90) == [30]
    assert checker.hot(91, value=80) == []
    assert checker.hot(92, 121) == []
    assert checker.hot(121.5, value=80) == []
    assert checker.hot(122, 151, 500) == [500]
    assert Checker(**{"for": 30}).hot(0, 500) == [500], "on the first event after that time"


def test_cooldown_is_by_the_clock_of_the_checker() -> None:
    checker = Checker(cooldown=60)
    assert checker.look(0, {"temperature": 81}, now=0)
    for second in (10, 20, 30):
        assert not checker.look(second, {"temperature": 20}, now=second)
        assert not checker.look(second + 5, {"temperature": 81}, now=second + 5)
    assert not checker.look(59, {"temperature": 81}, now=59.9)
    assert checker.look(60, {"temperature": 81}, now=60), "the episode that began during the cooldown"
    assert not checker.look(200, {"temperature": 81}, now=200), "it has fired"


def test_an_episode_that_ends_within_the_cooldown_does_not_fire() -> None:
    checker = Checker(cooldown=60)
    assert checker.hot(0) == [0]
    assert checker.hot(1, value=20) == []
    assert checker.hot(2) == []
    assert checker.hot(3, 100, value=20) == []


def test_repeat() -> None:
    checker = Checker(repeat=3600)
    assert checker.hot(*range(0, 8000, 100)) == [0, 3600, 7200]
    assert checker.hot(8000, value=20) == []
    assert checker.hot(8001, 8100) == [8001]


def test_metrics_of_different_messages() -> None:
    both = {"all": [TEMPERATURE, {"metric": "humidity", "below": 20}]}
    checker = Checker(both)
    assert not checker.look(0, {"temperature": 81})
    assert not checker.look(1, {"humidity": 30})
    assert not checker.look(2, {"pressure": 1})
    assert checker.look(3, {"humidity": 10})
    assert not checker.look(4, {"temperature": 90})
    assert not checker.look(5, {"temperature": 20, "humidity": 5})
    assert checker.look(6, {"temperature": 81})
    either = Checker({"any": [TEMPERATURE, {"metric": "humidity", "below": 20}]})
    assert either.look(0, {"humidity": 10})
    assert not either.look(1, {"temperature": 81})
    assert not either.look(2, {"humidity": 30}), "the other still holds"
    assert not either.look(3, {"humidity": 10})


def test_an_event_from_before_the_condition_held_makes_nothing_fire() -> None:
    checker = Checker({"all": [TEMPERATURE, {"metric": "humidity", "below": 20}]}, cooldown=60)
    assert checker.look(0, {"temperature": 81, "humidity": 10})
    assert not checker.look(1, {"humidity": 30})
    assert not checker.look(10, {"humidity": 10}), "the cooldown"
    assert not checker.look(5, {"temperature": 85}, now=100)
    assert checker.look(101, {"temperature": 85})


def test_an_event_that_has_fired_does_not_fire_again_by_a_changed_condition() -> None:
    checker = Checker(max_age=900)
    assert checker.look(0, {"temperature": 81}, id="a")
    other = Checker({"metric": "temperature", "above": 70}, max_age=900)
    other.text = Device([other.rule], checker.text).text(START + 500)
    assert not other.look(0, {"temperature": 81}, now=500, id="a")
    assert not other.look(501, {"temperature": 20})
    assert other.look(502, {"temperature": 81})


def test_an_event_without_a_metric_of_the_rule_makes_nothing_fire() -> None:
    checker = Checker(**{"for": 30})
    assert not checker.look(0, {"temperature": 81})
    assert not checker.look(60, {"humidity": 1})
    assert checker.look(61, {"temperature": 81})


def test_an_older_event_does_not_undo_what_a_newer_one_has_said() -> None:
    checker = Checker()
    assert checker.hot(10) == [10]
    assert checker.hot(9, value=20) == []
    assert checker.hot(11) == []
    assert checker.hot(20, value=20) == []
    assert checker.hot(19) == []
    assert checker.hot(21) == [21]


def test_events_of_one_time_are_ordered_by_their_ids() -> None:
    checker = Checker()
    assert checker.look(0, {"temperature": 81}, id="b")
    assert not checker.look(0, {"temperature": 20}, id="a")
    assert not checker.look(1, {"temperature": 20}, id="c")
    assert checker.look(1, {"temperature": 81}, id="d")
    assert rule_state.key(event("x" * 160)) == f"{TIME}#{cloudevents.hashed_id('x' * 160)}"


@pytest.mark.parametrize("fields", [{}, {"cooldown": 60}, {"repeat": 600}, {"for": 5}])
def test_the_state_does_not_grow_and_forgets_what_is_at_rest(fields: dict[str, Any]) -> None:
    checker = Checker({"any": [TEMPERATURE, {"metric": "humidity", "below": 20}]}, **fields)
    sizes = set()
    for second in range(0, 40_000, 20):
        checker.look(second, {"temperature": 81} if second % 100 < 60 else {"temperature": 20})
        sizes.add(len(checker.text or ""))
    assert max(sizes) < 300
    device = Device([checker.rule], checker.text)
    assert json.loads(device.text(START + 50_000)) == {"v": 1, "rules": {}, "firings": []}


def test_what_is_forgotten_cannot_be_fired_again() -> None:
    """State is dropped only when every event that it keeps out is too old to be looked at."""
    checker = Checker(max_age=900)
    assert checker.hot(0) == [0]
    assert checker.hot(1, value=20) == []
    for now in range(0, 4_000, 50):
        checker.text = Device([checker.rule], checker.text).text(START + now)
        assert not checker.look(0, {"temperature": 81}, now=now, id="e1")
    assert json.loads(checker.text or "")["rules"] == {}


def test_the_largest_state_fits_into_a_record() -> None:
    each = MOST_COMPARISONS // MOST_RULES
    when = {"all": [{"metric": f"m{n}", "above": 0.5} for n in range(each)]}
    rules = [
        parse(
            {"name": f"{n:064}", "device_type": "thermostat", "when": when, "then": {"workflow": True}}
            | {"cooldown": 0, "repeat": 60}
        )
        for n in range(MOST_RULES)
    ]
    device = Device(rules)
    data = {f"m{n}": 1 for n in range(each)}
    for second, settled in ((0, True), (0, True), (0, True), (60, False)):
        shown = event("i" * 128, data, at=times.from_epoch(START + second))
        now = START + second + 0.123
        found = device.look([shown], now, "c" * 12)
        for firing, rule, _ in found.mine if settled else ():
            device.settle(rule.name, firing.event, ["workflow"], call="", release=False)
    assert len(found.mine) == rule_state.MOST_FIRINGS
    assert found.waiting == [0]
    assert 20_000 < len(device.text(START)) < 45_000
    again = Device(rules, device.text(START))
    assert again.text(START) == device.text(START)
    assert not again.changed


def test_a_firing_that_nobody_finishes_gives_its_place_to_another_after_a_day() -> None:
    rule = parse(DOCUMENT["rules"][0] | {"cooldown": 0, "repeat": 1, "max_age": 10**7})
    device = Device([rule])
    shown = [
        event(f"e{second}", {"temperature": 81}, at=times.from_epoch(START + second))
        for second in range(rule_state.MOST_FIRINGS + 1)
    ]
    assert device.look(shown, START, "call").waiting == [rule_state.MOST_FIRINGS]
    found = device.look(shown[-1:], START + 86_400, "later")
    assert [firing.event for firing, _, _ in found.mine] == [shown[-1]["id"]]
    text = json.loads(device.text(START))
    assert len(text["firings"]) == rule_state.MOST_FIRINGS
    assert "e0" not in [firing[1] for firing in text["firings"]]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"v":0}',
        '{"v":1,"rules":[],"firings":[]}',
        '{"v":1,"rules":{},"firings":[1]}',
    ],
)
def test_what_is_no_state(text: str) -> None:
    with pytest.raises(rule_state.Unreadable):
        Device([], text)
