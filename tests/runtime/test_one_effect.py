"""Each firing has each of its effects. An oracle says which events fire: it knows rules, and neither state
nor stores. What is delivered again, and what dies, is simulated in `tests/simulation`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.benches import Bench
from support.memory import MemoryQueue, MemoryStateStore, MemoryWorkflow
from support.properties import bounded
from support.samples import DOCUMENT, TIME, event, message
from twin_runtime import model, times
from twin_runtime.events.rule_state import LEASE_S
from twin_runtime.functions.event_checker import EventChecker
from twin_runtime.ports import Event, Record

START = times.to_epoch(TIME)
Reading = tuple[float, Mapping[str, float]]
many = settings(bounded, max_examples=150)


class Killed(BaseException):
    """The platform ends the process."""


class Faults:
    """Counts the calls of all ports, and lets some of them fail: `before` they do anything, or `after`, with
    the process or with an error that the role sees.
    """

    def __init__(self, planned: Mapping[int, str] = {}) -> None:
        self.planned = planned
        self.calls = 0
        self.met = 0

    def __call__(self, do: Callable[[], Any]) -> Any:
        fault = self.planned.get(self.calls, "")
        self.calls += 1
        if fault:
            self.met += 1
        if fault == "killed before":
            raise Killed
        if fault == "down":
            raise OSError("down")
        made = do()
        if fault == "killed after":
            raise Killed
        if fault == "lost":
            raise OSError("The answer was lost.")
        return made


class Twin(Bench):
    """A checker whose ports fail as planned. `started` and `sent` hold every call that reached them."""

    def __init__(self, faults: Faults, **rule: Any) -> None:
        super().__init__("event_checker")
        document = DOCUMENT["rules"][0] | {"cooldown": 0, "max_age": 10**8} | rule
        self.twin = model.parse(DOCUMENT | {"rules": [document]})
        self.faults = faults
        self.now = START
        self.states = MemoryStateStore()
        self.workflow, self.commands = MemoryWorkflow(), MemoryQueue()
        self.started: list[str] = []
        self.sent: list[Event] = []
        self.load()

    def load(self) -> None:
        """Another process."""
        self.role = EventChecker(
            commands=self,  # type: ignore[arg-type]
            workflow=self,  # type: ignore[arg-type]
            states=self,  # type: ignore[arg-type]
            clock=lambda: self.now,
            sleep=lambda _: None,
            **self.shared(self.twin),
        )

    max_body_bytes = batch_bytes = 262_144

    def send(self, bodies: Sequence[str], **_: float) -> None:
        self.faults(lambda: self.sent.extend(each for body in bodies for each in json.loads(body)))

    def start(self, name: str, payload: Mapping[str, Any]) -> None:
        self.faults(lambda: self.started.append(payload["event"]["id"]))

    def read(self, names: Sequence[str]) -> Mapping[str, Record]:
        return self.faults(lambda: self.states.read(names))

    def put_if_absent(self, name: str, text: str) -> str | None:
        return self.faults(lambda: self.states.put_if_absent(name, text))

    def replace(self, name: str, text: str, *, version: str) -> str | None:
        return self.faults(lambda: self.states.replace(name, text, version=version))

    def deliver(self, events: Iterable[Event]) -> None:
        """Deliver a message until it is done."""
        events = list(events)
        for attempt in range(1, 50):
            try:
                if not self.role.handle([message(*events, attempt=attempt)]):
                    return
            except Killed:
                self.load()
            self.now += LEASE_S
        raise AssertionError("the message is never done")

    def commanded(self) -> list[str]:
        return [each["data"]["event_id"] for each in self.sent]


def oracle(readings: Iterable[Reading], rule: Mapping[str, Any]) -> list[str]:
    """The ids of the events that fire, if all arrive in order."""
    comparisons = rule["when"].get("all") or rule["when"].get("any") or [rule["when"]]
    holds = all if "all" in rule["when"] else any
    truths = dict.fromkeys(range(len(comparisons)), False)
    since: float | None = None
    last: float | None = None
    fired: list[str] = []
    for number, (second, data) in enumerate(readings):
        for index, comparison in enumerate(comparisons):
            if comparison["metric"] in data:
                slack = rule.get("hysteresis", 0) if truths[index] else 0
                truths[index] = data[comparison["metric"]] > comparison["above"] - slack
        if not holds(truths.values()):
            since = last = None
            continue
        since = second if since is None else since
        if not any(comparison["metric"] in data for comparison in comparisons):
            continue
        first = last is None and second - since >= rule.get("for", 0)
        again = last is not None and "repeat" in rule and second - last >= rule["repeat"]
        if first or again:
            last = second
            fired.append(name(number))
    return fired


def name(number: int) -> str:
    return f"e{number:03}"


def events(readings: Sequence[Reading]) -> list[Event]:
    return [event(name(n), data, at=times.from_epoch(START + at)) for n, (at, data) in enumerate(readings)]


def batches(shown: Sequence[Event], cuts: Iterable[int]) -> list[Sequence[Event]]:
    at = [0, *sorted({cut % len(shown) for cut in cuts} - {0}), len(shown)]
    return [shown[a:b] for a, b in pairwise(at)]


ONE = {"metric": "temperature", "above": 80}
TWO = [ONE, {"metric": "humidity", "above": 50}]
VALUES = st.sampled_from([70, 77, 79, 80, 81, 90])
DATA = st.one_of(
    st.fixed_dictionaries({"temperature": VALUES}),
    st.fixed_dictionaries({"humidity": st.sampled_from([40, 49, 51, 60])}),
    st.fixed_dictionaries({"temperature": VALUES, "humidity": st.sampled_from([40, 51])}),
    st.just({"pressure": 1}),
)
READINGS = st.lists(st.tuples(st.integers(1, 40), DATA), min_size=1, max_size=40).map(
    lambda steps: [(sum(gap for gap, _ in steps[: n + 1]), data) for n, (_, data) in enumerate(steps)]
)
RULES = st.fixed_dictionaries(
    {"when": st.sampled_from([ONE, {"all": TWO}, {"any": TWO}])},
    optional={
        "hysteresis": st.sampled_from([2, 5]),
        "for": st.sampled_from([10, 60]),
        "repeat": st.sampled_from([60, 120]),
    },
)
CUTS = st.lists(st.integers(0, 100), max_size=8)


@many
@given(READINGS, RULES, CUTS)
def test_in_order_exactly_what_the_oracle_says(
    readings: list[Reading], rule: dict[str, Any], cuts: list[int]
) -> None:
    twin = Twin(Faults(), **rule)
    parts = batches(events(readings), cuts)
    for part in parts:
        twin.deliver(part)
    expected = oracle(readings, rule)
    assert twin.started == twin.commanded() == expected
    assert twin.states.reads <= len(parts)
    leaves = twin.twin.rules[0].leaves
    if not any(leaf.begins(data.get(leaf.metric)) for _, data in readings for leaf in leaves):
        assert twin.states.writes == 0


@many
@given(READINGS, RULES, CUTS, st.randoms(use_true_random=False))
def test_the_order_within_a_call_and_the_split_into_messages_do_not_matter(
    readings: list[Reading], rule: dict[str, Any], cuts: list[int], chance: Any
) -> None:
    twin = Twin(Faults(), **rule)
    for part in batches(events(readings), cuts):
        mixed = list(part)
        chance.shuffle(mixed)
        half = len(mixed) // 2
        messages = [message(*mixed[:half], id="1"), message(*mixed[half:], id="2")]
        assert twin.role.handle(messages) == []
    assert sorted(twin.started) == sorted(twin.commanded()) == oracle(readings, rule)


@pytest.mark.parametrize("fault", ["killed before", "killed after", "down", "lost"])
def test_one_firing_with_a_fault_at_each_of_its_calls(fault: str) -> None:
    """A single fault doubles an effect only where it stands between the call and its record."""
    calls = Faults()
    Twin(calls).deliver(events([(0, {"temperature": 81})]))
    order = ["read", "claim", "start", "record", "send", "record"]
    assert calls.calls == len(order)
    doubled = {}
    for place in range(len(order)):
        twin = Twin(Faults({place: fault}))
        twin.deliver(events([(0, {"temperature": 81})]))
        assert set(twin.started) == set(twin.commanded()) == {name(0)}
        doubled[place] = (len(twin.started) - 1, len(twin.sent) - 1)
    none = dict.fromkeys(range(len(order)), (0, 0))
    assert (
        doubled
        == {
            "killed before": none | {3: (1, 0), 5: (0, 1)},  # between the call and its record
            "killed after": none | {2: (1, 0), 4: (0, 1)},
            "down": none,
            "lost": none | {2: (1, 0), 4: (0, 1)},  # nobody knows whether it was done
        }[fault]
    )


@many
@given(READINGS, st.sampled_from([0, 2, 5]), CUTS, st.integers(2, 10), st.randoms(use_true_random=False))
def test_out_of_order_nothing_fires_twice_and_what_holds_is_seen(
    readings: list[Reading], hysteresis: int, cuts: list[int], window: int, chance: Any
) -> None:
    rule = {"when": ONE, "hysteresis": hysteresis}
    shown = events(readings)
    order = sorted(range(len(shown)), key=lambda n: n + chance.random() * window)
    twin = Twin(Faults(), **rule)
    for part in batches([shown[n] for n in order], cuts):
        twin.deliver(part)
    expected = oracle(readings, rule)
    assert len(set(twin.started)) == len(twin.started) <= len(expected)
    assert bool(twin.started) == bool(expected)
    assert twin.started == twin.commanded()


@bounded
@given(READINGS, CUTS, st.integers(1, 300))
def test_two_firings_are_never_closer_than_the_cooldown(
    readings: list[Reading], cuts: list[int], cooldown: int
) -> None:
    twin = Twin(Faults(), when=ONE, cooldown=cooldown)
    at: list[float] = []
    for part in batches(events(readings), cuts):
        twin.now = max(times.to_epoch(each["time"]) for each in part)
        before = len(twin.started)
        twin.deliver(part)
        at += [twin.now] * (len(twin.started) - before)
    assert all(later - earlier >= cooldown for earlier, later in pairwise(at))
    assert bool(at) == bool(oracle(readings, {"when": ONE}))
