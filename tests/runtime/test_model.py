"""twin.json: read once, with one sentence for what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.samples import DOCUMENT
from twin_runtime import model
from twin_runtime.errors import ConfigurationError


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


def test_ten_thousand_devices() -> None:
    twin = model.parse(DOCUMENT | {"devices": {f"d-{n}": "pump" for n in range(10_000)}})
    assert len(twin.devices) == 10_000


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
        ({"device_types": []}, "device_types is missing"),
        ({"device_types": {"pump": 1}}, "not an object"),
        ({"device_types": {"pump": {"processor": 1}}}, "not a path"),
        ({"devices": {"d": "robot"}}, "type that is not there"),
        ({"devices": {"d": ["pump"]}}, "type that is not there"),
        ({"rules": [{"name": "r", "device": "d", "when": {"metric": "m", "near": 1}, "then": {}}]}, "near"),
    ],
)
def test_one_sentence_for_each_mistake(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        model.parse(DOCUMENT | change)
