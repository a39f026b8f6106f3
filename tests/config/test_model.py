"""`model:`, the twin graph besides the devices: what is accepted, and one sentence for each mistake."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.config.conftest import FULL, put
from twinspan.config import ConfigErrors, load
from twinspan.config.checks.graph import MOST_MEMBERS, MOST_TYPES
from twinspan.packaging import manifest

MODEL: dict[str, Any] = {
    "types": {
        "room": {"properties": {"floor": {"type": "integer"}, "area": {"type": "number", "unit": "m2"}}},
        "machine": {},
    },
    "entities": [
        {"id": "hall-1", "type": "room", "name": "Hall 1", "properties": {"floor": 1}},
        {"id": "press-7", "type": "machine"},
    ],
    "relationships": [
        {"from": "hall-1", "name": "contains", "to": "press-7"},
        {"from": "press-7", "name": "has_sensor", "to": "thermostat-1"},
    ],
}


@pytest.fixture
def said(twin: Path) -> Callable[..., list[str]]:
    """The problems of the full example with the model, and with each of `changes` put in."""

    def run(changes: dict[str, Any]) -> list[str]:
        data = yaml.safe_load(FULL)
        data["layers"]["twin_management"] = "aws"
        data["model"] = copy.deepcopy(MODEL)
        for where, value in changes.items():
            put(data, where, value)
        twin.write_text(yaml.safe_dump(data, sort_keys=False))
        try:
            load(twin)
        except ConfigErrors as errors:
            return [f"{problem.field}: {problem.message}" for problem in errors.problems]
        return []

    return run


def test_the_model_is_accepted(said: Callable[..., list[str]], twin: Path) -> None:
    assert said({}) == []
    config = load(twin)
    assert [entity.id for entity in config.model.entities] == ["hall-1", "press-7"]
    twin.write_text(yaml.safe_dump(config.as_written(), sort_keys=False))
    assert load(twin) == config


def test_functions_are_told_the_model(said: Callable[..., list[str]], twin: Path) -> None:
    said({})
    assert manifest(load(twin))["model"] == {
        "types": {
            "room": {"properties": {"floor": {"type": "integer"}, "area": {"type": "number", "unit": "m2"}}},
            "machine": {"properties": {}},
        },
        "entities": {
            "hall-1": {"type": "room", "name": "Hall 1", "properties": {"floor": 1}},
            "press-7": {"type": "machine", "name": "press-7", "properties": {}},
        },
        "relationships": [
            ["hall-1", "contains", "press-7"],
            ["press-7", "has_sensor", "thermostat-1"],
        ],
    }


def test_without_a_model_the_devices_are_the_graph(said: Callable[..., list[str]], twin: Path) -> None:
    assert said({"model": ...}) == []
    assert manifest(load(twin))["model"] == {"types": {}, "entities": {}, "relationships": []}


@pytest.mark.parametrize(
    ("where", "value", "sentence"),
    [
        (
            "entities.0.id",
            "x",
            "model.entities[0].id: 'x' is not allowed; in the twin graph an id has 2–128",
        ),
        ("entities.0.id", "hall-", "'hall-' is not allowed"),
        ("entities.0.id", "-hall", "'-hall' is not allowed"),
        ("entities.0.id", "h" * 129, "(129 characters) is not allowed"),
        (
            "entities.0.id",
            "thermostat-1",
            "'thermostat-1' is already the id of devices[0]; give each its own id",
        ),
        ("entities.1.id", "hall-1", "'hall-1' is already the id of model.entities[0]; give each its own id"),
        ("entities.0.id", ..., "model.entities[0].id: is missing; add it, for example id: hall-1"),
        ("entities.0.type", "rom", "'rom' is not a type of the model; did you mean 'room'?"),
        ("entities.0.type", "thermostat", "'thermostat' is not a type of the model; use room or machine"),
        ("entities.0.nam", "x", "model.entities[0].nam: is not a known field; did you mean 'name'?"),
        ("entities.0.name", "", "'' is not allowed; a name is 1 to 256 printable characters"),
        ("entities.0.name", "a\nb", "is not allowed; a name is 1 to 256 printable characters"),
        ("entities.0.name", 7, "must be text, got 7; put it in quotes: '7'"),
        ("entities.0.properties.flor", 1, "'flor' is not a property of room; did you mean 'floor'?"),
        ("entities.1.properties", {"maker": "x"}, "add it to model.types.machine.properties"),
        (
            "entities.0.properties.floor",
            1.5,
            "1.5 is not of type integer, which floor is; write a whole number",
        ),
        ("entities.0.properties.floor", "1", "'1' is not of type integer, which floor is"),
        ("entities.0.properties.floor", 2**63, "does not fit into 64 bits; write a smaller number"),
        ("entities.0.properties.floor", [1], "must be a number, true, false or text, got a list"),
        ("types.room.properties.floor.type", "int", "'int' is not a type; did you mean 'integer'?"),
        ("types.room.properties.floor.units", "m", "is not a known field; did you mean 'unit'?"),
        ("types.a-b", {}, "'a-b' is not allowed; use up to 64 letters, digits and underscores"),
        (
            "types.thermostat",
            {},
            "'thermostat' is already the name of a device type; give the entity type",
        ),
        (
            "relationships.0.from",
            "hal-1",
            "'hal-1' is neither a device nor an entity of this file; did you mean",
        ),
        ("relationships.0.to", "hall-1", "'hall-1' is at both ends of the relationship"),
        ("relationships.0.to", ..., "model.relationships[0].to: is missing"),
        ("relationships.0.name", "has part", "'has part' is not allowed"),
        ("relationships.0.name", "floor", "'floor' is already a property or metric of room; give the"),
        (
            "relationships.0.kind",
            "x",
            "model.relationships[0].kind: is not a known field; use from, name or to",
        ),
        (
            "relationships.2",
            {"from": "hall-1", "name": "contains", "to": "press-7"},
            "model.relationships[2]: repeats model.relationships[0]; remove one of the two",
        ),
        ("colour", "red", "model.colour: is not a known field; use types, entities or relationships"),
    ],
)
def test_one_sentence_for_each_mistake(
    said: Callable[..., list[str]], where: str, value: Any, sentence: str
) -> None:
    found = said({f"model.{where}": value})
    assert any(sentence in problem for problem in found), found


def test_a_relationship_named_as_a_metric(said: Callable[..., list[str]]) -> None:
    edge = {"from": "thermostat-1", "name": "temperature", "to": "hall-1"}
    (problem,) = said({"model.relationships.2": edge})
    assert "'temperature' is already a property or metric of thermostat" in problem


def test_ends_are_not_looked_for_while_an_entry_has_no_id(said: Callable[..., list[str]]) -> None:
    found = said({"model.entities.0.id": ..., "model.relationships.1.to": "nowhere-1"})
    assert [problem.partition(":")[0] for problem in found] == ["model.entities[0].id"]


@pytest.mark.parametrize("id_", ["t", "t-", "t_", "t:"])
def test_a_device_that_cannot_be_in_the_graph(said: Callable[..., list[str]], id_: str) -> None:
    device = {"id": id_, "type": "thermostat"}
    (problem,) = said({"devices.1": device})
    assert problem.startswith(f"devices[1].id: {id_!r} cannot be in the twin graph; ")
    assert said({"devices.1": device, "layers.twin_management": ...}) == []


def test_too_many_types(said: Callable[..., list[str]]) -> None:
    types = {f"type{number}": {} for number in range(MOST_TYPES)}
    (problem,) = said({"model": {"types": types}})
    assert (
        f"have {MOST_TYPES + 1} types of devices and entities, but a twin graph holds at most {MOST_TYPES}"
        in problem
    )
    assert said({"model": {"types": types}, "layers.twin_management": ...}) == []


def test_too_many_metrics(said: Callable[..., list[str]]) -> None:
    properties = {f"p{number}": {"type": "number"} for number in range(MOST_MEMBERS)}
    (problem,) = said({"model": {"types": {"room": {"properties": properties}}}})
    assert (
        f"metrics, properties and names of relationships, but a twin graph holds at most {MOST_MEMBERS}"
        in problem
    )
