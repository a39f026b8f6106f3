"""twin.json: read once, with one sentence for what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.samples import DOCUMENT, event
from twin_runtime import model, times
from twin_runtime.errors import ConfigurationError
from twin_runtime.storage import rows


def test_it_is_beside_the_runtime() -> None:
    assert model.package_root() == Path(model.__file__).resolve().parent.parent


def test_loaded_once(tmp_path: Path) -> None:
    (tmp_path / "twin.json").write_text(json.dumps(DOCUMENT))
    twin = model.load_twin(tmp_path)
    assert twin.name == "factory"
    assert twin.devices["pump-1"] == "pump"
    assert twin.device_types["thermostat"].commands == {"set_point": {"type": "number", "unit": "Cel"}}
    assert [rule.name for rule in twin.rules] == ["overheating"]
    assert model.load_twin(tmp_path) is twin


def test_limits_of_a_device_type_have_defaults() -> None:
    assert model.parse(DOCUMENT).device_types["pump"][4:] == (
        model.Clock(300, 30 * DAY),
        model.Rate(100, 100_000),
    )
    given = {"clock": {"ahead": 60, "refuse": True}, "rate": {"burst": 500}}
    pump = model.parse(with_pump(given)).device_types["pump"]
    assert (pump.clock, pump.rate) == (model.Clock(60, 30 * DAY, True), model.Rate(100, 500))


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"clock": {"late": 1}}, "has an unknown field"),
        ({"clock": 5}, "has an unknown field"),
        ({"clock": {"ahead": "5m"}}, "numbers of 0 or more"),
        ({"clock": {"behind": -1}}, "numbers of 0 or more"),
        ({"rate": {"burst": True}}, "numbers of 0 or more"),
    ],
)
def test_limits_that_are_wrong(limits: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=f"'pump' .*{reason}|of 'pump' must hold {reason}"):
        model.parse(with_pump(limits))


def with_pump(limits: dict[str, Any]) -> dict[str, Any]:
    types = DOCUMENT["device_types"]
    return DOCUMENT | {"device_types": types | {"pump": types["pump"] | limits}}


def test_ten_thousand_devices() -> None:
    twin = model.parse(DOCUMENT | {"devices": {f"d-{n}": "pump" for n in range(10_000)}})
    assert len(twin.devices) == 10_000


def test_the_ages_at_which_events_leave_the_tiers() -> None:
    without = model.parse(DOCUMENT)
    assert (without.expire_days, without.cold_days, without.archive_days) == (30, None, None)
    ages = {"hot_days": 7, "safety_days": 30, "cold_days": 90, "archive_days": None}
    twin = model.parse(DOCUMENT | ages)
    assert (twin.hot_days, twin.expire_days, twin.cold_days, twin.archive_days) == (7, 37, 90, None)


NOW = 1_700_000_000.5
DAY = 86_400


@pytest.mark.parametrize(
    ("ages", "at", "expires"),
    [
        # Without a cold tier the hot store itself deletes, some days after the writing.
        ({}, NOW - 400 * DAY, NOW + 30 * DAY),
        ({}, NOW + 400 * DAY, NOW + 30 * DAY),
        # With one the mover comes first, and it goes by the event's own time.
        ({"safety_days": 30, "cold_days": 90}, NOW - 400 * DAY, NOW + 60 * DAY),
        ({"safety_days": 30, "cold_days": 90}, NOW + 500, NOW + 60 * DAY + 500),
        # What is further ahead than a clock can be makes no row last longer.
        ({"safety_days": 30, "cold_days": 90}, NOW + 400 * DAY, NOW + 60 * DAY + 3_600),
    ],
)
def test_when_a_row_expires(ages: dict[str, int], at: float, expires: float) -> None:
    made = rows.from_event(event(at=times.from_epoch(at)), model.parse(DOCUMENT | ages), NOW)
    assert made.expires == int(expires)


def test_a_package_without_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no readable twin\.json"):
        model.load_twin(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"twin":1,"twin":2}', "NaN"])
def test_text_that_is_not_a_twin(tmp_path: Path, text: str) -> None:
    (tmp_path / "twin.json").write_text(text)
    with pytest.raises(ConfigurationError, match=r"^twin\.json"):
        model.load_twin(tmp_path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"twin": None}, "twin is missing"),
        ({"hot_days": True}, "hot_days is missing"),
        ({"hot_days": 0}, "must be 1 or more"),
        ({"cold_days": "90"}, "cold_days is missing or not of the kind int"),
        ({"device_types": []}, "device_types is missing"),
        ({"device_types": {"pump": 1}}, "not an object"),
        ({"device_types": {"pump": {"processor": 1}}}, "not a path"),
        ({"devices": {"d": "robot"}}, "type that is not there"),
        ({"devices": {"d": ["pump"]}}, "type that is not there"),
        ({"device_keys": {"pump-1": "2"}}, "device_keys does not map"),
        ({"device_keys": {"pump-1": True}}, "device_keys does not map"),
        ({"device_keys": {"pump-1": 0}}, "device_keys does not map"),
        ({"device_keys": {"stranger": 2}}, "'stranger' has a key or is revoked, and is not there"),
        ({"revoked": {"pump-1": True}}, "revoked is not a list"),
        ({"revoked": ["pump-1", 1]}, "revoked is not a list"),
        ({"revoked": ["stranger"]}, "'stranger' has a key or is revoked, and is not there"),
        ({"rules": [{"name": "r", "device": "d", "when": {"metric": "m", "near": 1}, "then": {}}]}, "near"),
    ],
)
def test_one_sentence_for_each_mistake(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        model.parse(DOCUMENT | change)
