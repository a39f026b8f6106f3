"""Readings: types, ranges, seeds, rules."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from simulator.conditions import tripping
from simulator.fleet import fires
from simulator.payloads import RANGES, Reading, Source
from support.fleets import OVERHEATING, THERMOSTAT, device
from twin_runtime.values import ValueType

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)


def readings(number: int = 300, made_by: Any = None, **options: Any) -> list[Reading]:
    source = Source(made_by or device(), **{"seed": 7, "run": "r", "now": lambda: NOON, **options})
    return [source.next() for _ in range(number)]


def test_values_have_the_type_that_the_twin_declares() -> None:
    for reading in readings():
        kinds = {name: type(value) for name, value in reading.data.items()}
        assert kinds == {"temperature": float, "level": int, "on": bool, "mode": str}


def test_numbers_stay_in_their_range_and_walk_smoothly() -> None:
    low, high = RANGES["Cel"]
    values = [reading.data["temperature"] for reading in readings()]
    assert low <= min(values) < max(values) <= high
    assert max(values) - min(values) > (high - low) / 10
    assert all(abs(after - before) < (high - low) / 8 for before, after in pairwise(values))


def test_words_and_booleans_change_at_times() -> None:
    data = [reading.data for reading in readings()]
    assert {values["mode"] for values in data} == set(ValueType.STRING.spec.examples)
    changes = sum(before["on"] is not after["on"] for before, after in pairwise(data))
    assert 0 < changes < 60


def test_the_same_seed_gives_the_same_measurements_and_another_run_other_ids() -> None:
    first, again, other = readings(), readings(run="s"), readings(seed=8)
    assert [r.data for r in first] == [r.data for r in again]
    assert {r.id for r in first}.isdisjoint(r.id for r in again)
    assert [r.data for r in first] != [r.data for r in other]
    assert [r.data for r in first] != [r.data for r in readings(made_by=device("d-2"))]


def test_times_rise_though_the_clock_stands_still() -> None:
    times = [reading.time or "" for reading in readings(20)]
    assert times[0] == "2024-02-29T12:00:00.000000Z"
    assert times == sorted(set(times))


def test_the_forms_of_a_reading_are_those_that_a_dispatcher_takes(twin: Any, receive: Any) -> None:
    for flat in (False, True):
        reading = readings(1, flat=flat)[0]
        (event,) = receive(reading.document(), at=NOON.timestamp())
        assert event["data"] == reading.data
        assert flat or (event["id"], event["time"]) == (reading.event_id, reading.time)


def test_a_late_reading_is_the_same_at_another_time() -> None:
    reading = readings(1)[0]
    late = reading.earlier(3600)
    assert (late.time, late.id, late.data) == ("2024-02-29T11:00:00.000000Z", reading.id, reading.data)


def test_the_share_that_trips_fulfils_the_rule_and_the_others_do_not() -> None:
    hot = device(overheating=OVERHEATING)
    made = readings(1000, made_by=hot, trip=0.2)
    assert 150 < sum(reading.trips == "overheating" for reading in made) < 250
    for reading in made:
        assert fires(hot.rules["overheating"], hot, reading.data) is (reading.trips is not None)


COLD = {"metric": "level", "below": 5}
CONDITIONS: dict[str, Any] = {
    "above": {"metric": "temperature", "above": 10},
    "below": {"metric": "temperature", "below": 200},
    "at_least": {"metric": "level", "at_least": 50},
    "at_most": {"metric": "level", "at_most": 50},
    "equals_true": {"metric": "on", "equals": True},
    "equals_false": {"metric": "on", "equals": False},
    "word": {"metric": "mode", "equals": "busy"},
    "not_word": {"metric": "mode", "not_equals": "ok"},
    "band": {"all": [{"metric": "level", "above": 20}, {"metric": "level", "below": 24}]},
    "narrow": {"all": [{"metric": "temperature", "above": 20}, {"metric": "temperature", "below": 20.5}]},
    "either": {"any": [{"metric": "level", "above": 90}, {"metric": "on", "equals": True}]},
    "nested": {"all": [{"metric": "on", "equals": True}, {"any": [OVERHEATING, COLD]}]},
}  # fmt: skip


@pytest.mark.parametrize("name", CONDITIONS)
def test_every_kind_of_condition_can_be_tripped(name: str) -> None:
    one = device(rule=CONDITIONS[name])
    assert fires(one.rules["rule"], one, tripping(one)["rule"])


@pytest.mark.parametrize("name", [name for name in CONDITIONS if name not in ("band", "narrow")])
def test_what_is_not_meant_to_trip_does_not(name: str) -> None:
    one = device(rule=CONDITIONS[name])
    assert not any(fires(one.rules["rule"], one, reading.data) for reading in readings(made_by=one))


def test_a_rule_that_nothing_fulfils_is_left_out() -> None:
    never = {"all": [{"metric": "level", "above": 50}, {"metric": "level", "below": 50}]}
    assert tripping(device(never=never, overheating=OVERHEATING)).keys() == {"overheating"}


@pytest.mark.parametrize("unit", [*RANGES, None, "furlong"])
def test_every_unit_has_a_range_in_which_something_moves(unit: str | None) -> None:
    one = device(telemetry={"value": THERMOSTAT["temperature"] | {"unit": unit}})
    assert len({reading.data["value"] for reading in readings(made_by=one)}) > 10
