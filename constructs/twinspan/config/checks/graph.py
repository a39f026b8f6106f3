"""The model of the twin graph against the devices and against itself, read as `crosschecks` says."""

import re
from collections.abc import Iterator
from typing import Any

from twin_runtime.roles import Layer
from twin_runtime.values import ValueType
from twinspan.config.checks.plain import Finding, list_at, mapping_at, texts
from twinspan.config.graph import GRAPH_ID, GRAPH_ID_RULE
from twinspan.config.text import FieldPath, Suggest, field_of, shown

_KINDS = {kind.value: kind for kind in ValueType}
# A CloudFormation stack holds 500 resources, and a template of 1 MB (see twinspan.aws.twinmaker).
MOST_TYPES = 400
MOST_MEMBERS = 2_500


def check(data: dict[str, Any], suggest: Suggest) -> Iterator[Finding]:
    """All findings on `model:`, and on devices that could not be in a twin graph."""
    model = mapping_at(data, "model")
    if isinstance(mapping_at(data, "layers").get(Layer.TWIN_MANAGEMENT), str):
        yield from _device_ids(data)
        yield from _size(data, model)
    if not model:
        return
    types, device_types = mapping_at(model, "types"), mapping_at(data, "device_types")
    for name in types:
        if name in device_types:
            fix = "give the entity type another name"
            yield ("model", "types", name), f"{shown(name)} is already the name of a device type; {fix}"
    yield from _ids(data, model)
    yield from _entities(model, types, suggest)
    yield from _relationships(data, model, suggest)


def _device_ids(data: dict[str, Any]) -> Iterator[Finding]:
    """Ids that the broker accepts and the twin graph does not."""
    for i, name in texts(list_at(data, "devices"), "id"):
        if len(name) < 2 or not re.fullmatch(GRAPH_ID, name):
            yield ("devices", i, "id"), f"{shown(name)} cannot be in the twin graph; {GRAPH_ID_RULE}"


def _size(data: dict[str, Any], model: dict[str, Any]) -> Iterator[Finding]:
    """The limits on types, and on the names of metrics, properties and relationships."""
    contents = _contents(data, model)
    edges = {name for _, name in texts(list_at(model, "relationships"), "name")}
    members = len(edges) + sum(map(len, contents.values()))
    for found, most, what in (
        (len(contents), MOST_TYPES, "types of devices and entities"),
        (members, MOST_MEMBERS, "metrics, properties and names of relationships"),
    ):
        if found > most:
            said = f"and model have {found} {what}, but a twin graph holds at most {most}"
            yield ("device_types",), f"{said}; remove unused ones, or split the twin"


def _ids(data: dict[str, Any], model: dict[str, Any]) -> Iterator[Finding]:
    """An entity's id is nobody else's."""
    first: dict[str, FieldPath] = {}
    for i, name in texts(list_at(data, "devices"), "id"):
        first.setdefault(name, ("devices", i))
    for i, name in texts(list_at(model, "entities"), "id"):
        at: FieldPath = ("model", "entities", i)
        if name in first:
            yield (
                (*at, "id"),
                f"{shown(name)} is already the id of {field_of(first[name])}; give each its own id",
            )
        first.setdefault(name, at)


def _entities(model: dict[str, Any], types: dict[str, Any], suggest: Suggest) -> Iterator[Finding]:
    entities = list_at(model, "entities")
    for i, name in texts(entities, "type"):
        at: FieldPath = ("model", "entities", i)
        if name not in types:
            fix = suggest(name, types) if types else f"add {name}: {{}} to model.types"
            yield (*at, "type"), f"{shown(name)} is not a type of the model; {fix}"
            continue
        declared = mapping_at(types[name], "properties")
        for key, value in mapping_at(entities[i], "properties").items():
            yield from _value((*at, "properties", str(key)), key, value, name, declared, suggest)


def _value(
    at: FieldPath, key: Any, value: Any, owner: str, declared: dict[str, Any], suggest: Suggest
) -> Iterator[Finding]:
    if not isinstance(key, str):
        return
    if key not in declared:
        fix = suggest(key, declared) if declared else f"add it to model.types.{owner}.properties"
        yield at, f"{shown(key)} is not a property of {owner}; {fix}"
        return
    kind = _KINDS.get(str(mapping_at(declared, key).get("type")))
    if kind and isinstance(value, bool | int | float | str) and not kind.admits(value):
        yield at, f"{shown(value)} is not of type {kind}, which {key} is; {kind.spec.how_to_write}"


def _relationships(data: dict[str, Any], model: dict[str, Any], suggest: Suggest) -> Iterator[Finding]:
    devices, entities = list_at(data, "devices"), list_at(model, "entities")
    owners = {**_owners(devices), **_owners(entities)}
    contents = _contents(data, model)
    # With an entry that has no id, nobody knows which ids are meant to exist.
    complete = all(
        isinstance(each, dict) and isinstance(each.get("id"), str) for each in (*devices, *entities)
    )
    first: dict[tuple[str, str, str], int] = {}
    for i, edge in enumerate(list_at(model, "relationships")):
        if not isinstance(edge, dict):
            continue
        at: FieldPath = ("model", "relationships", i)
        source, name, target = (edge.get(key) for key in ("from", "name", "to"))
        for key, end in (("from", source), ("to", target)):
            if complete and isinstance(end, str) and end not in owners:
                fix = suggest(end, owners) if owners else "list it under devices or model.entities"
                yield (*at, key), f"{shown(end)} is neither a device nor an entity of this file; {fix}"
        if not (isinstance(source, str) and isinstance(name, str) and isinstance(target, str)):
            continue
        if source == target:
            yield (
                (*at, "to"),
                f"{shown(target)} is at both ends of the relationship; name another device or entity",
            )
        elif name in contents.get(owners.get(source) or "", ()):
            what = f"{shown(name)} is already a property or metric of {owners[source]}"
            yield (*at, "name"), f"{what}; give the relationship another name"
        elif (same := first.setdefault((source, name, target), i)) != i:
            yield at, f"repeats {field_of(('model', 'relationships', same))}; remove one of the two"


def _owners(entries: list[Any]) -> dict[str, str | None]:
    """Ids and the names of their types."""
    kinds = dict(texts(entries, "type"))
    return {name: kinds.get(i) for i, name in texts(entries, "id")}


def _contents(data: dict[str, Any], model: dict[str, Any]) -> dict[str, set[str]]:
    """By type, the names that Digital Twins keeps beside the relationships, where each may be there once."""
    found: dict[str, set[str]] = {}
    for types, section in (
        (mapping_at(data, "device_types"), "telemetry"),
        (mapping_at(model, "types"), "properties"),
    ):
        for name, body in types.items():
            found.setdefault(name, set()).update(
                key for key in mapping_at(body, section) if isinstance(key, str)
            )
    return found
