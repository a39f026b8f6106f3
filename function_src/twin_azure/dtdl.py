"""The types of the twin graph as interfaces of the Digital Twins Definition Language, version 3.

`prefix` is `dtmi:twinspan:<twin>` (see there), and there are three levels:

    <prefix>;1                    what every twin has: `name`, `time` and `digest`; never changes
    <prefix>:<type>;1             a type, by which twins are asked for; extends the first; never changes
    <prefix>:<type>;<revision>    what a twin is made of; extends the second

A model in the service cannot be changed. So the revision is a number made of the content, from 2 up to nine
digits, and twins are moved to the new one (see `twin_models`).

Properties and metrics are Properties: a twin keeps a Property's value, and not that of a Telemetry. Digital
Twins does not look at DTDL's `writable`. Units stand in the description: the QuantitativeTypes extension
names them together with what is measured, which a UCUM code does not say (`%` is a relative humidity, a
concentration, or neither).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from twin_runtime import jsontext
from twin_runtime.model import Twin
from twin_runtime.values import ValueType

CONTEXT = "dtmi:dtdl:context;3"
NAME, TIME, DIGEST = "name", "time", "digest"
_OWN = {
    NAME: "What people call it",
    TIME: "Time of the event that the metrics are from, RFC 3339 in UTC",
    DIGEST: "What Twinspan knows the twin again by",
}
_KINDS = {"property": "properties", "metric": "metrics"}
_TYPED = re.compile(r"([A-Za-z](?:[A-Za-z0-9_]*[A-Za-z0-9])?);[1-9][0-9]{0,8}")
_REVISIONS = 999_999_998

Declared = Mapping[str, Mapping[str, Any]]
"""Properties or metrics by name, each with `type` and perhaps `unit`."""


@dataclass(frozen=True, slots=True)
class Content:
    """A Property of an interface, and the schema of its values."""

    name: str
    schema: str

    def value(self, given: Any) -> Any:
        """A value as it was written: JSON does not tell 2.0 from 2."""
        return float(given) if self.schema == ValueType.NUMBER.spec.dtdl else given


@dataclass(frozen=True, slots=True)
class Interface:
    """A revision of a type. `properties` and `metrics` are by the names that twin.yaml has."""

    id: str
    type: str
    properties: Mapping[str, Content]
    metrics: Mapping[str, Content]
    relationships: frozenset[str]
    """By the names that they have in it."""


def prefix(twin: str) -> str:
    """What the ids of a twin's models begin with. They know no '-', and a twin's name no '_'."""
    return f"dtmi:twinspan:{twin.replace('-', '_')}"


def base_id(prefix: str) -> str:
    """The id of what every twin is of."""
    return f"{prefix};1"


def type_id(prefix: str, name: str) -> str:
    """The id of a type, by which twins are asked for."""
    return f"{prefix}:{name};1"


def type_of(prefix: str, model: str) -> str | None:
    """The type that a model is of, as its id says; None where it is not of ours."""
    found = _TYPED.fullmatch(model.removeprefix(f"{prefix}:")) if model.startswith(f"{prefix}:") else None
    return found[1] if found else None


def is_revision(prefix: str, model: str) -> bool:
    """Whether twins can be made of it."""
    return type_of(prefix, model) is not None and not model.endswith(";1")


def query(model: str, *, exact: bool = False) -> str:
    """The query of all twins of a model, or of one that extends it; `exact`: of that one alone."""
    return f"SELECT * FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, '{model}'{', exact' if exact else ''})"  # noqa: S608


def definitions(prefix: str, twin: Twin) -> list[dict[str, Any]]:
    """Every model of a twin, after those that it extends."""
    edges: dict[str, set[str]] = {}
    types = {**twin.devices, **{id_: entity.type for id_, entity in twin.model.entities.items()}}
    for source, name, _ in twin.model.relationships:
        edges.setdefault(types[source], set()).add(name)
    properties = dict(twin.model.types)
    metrics = {name: kind.telemetry for name, kind in twin.device_types.items()}
    names = sorted({*properties, *metrics})
    revisions = [
        revision(prefix, name, properties.get(name, {}), metrics.get(name, {}), edges.get(name, ()))
        for name in names
    ]
    return [base(prefix), *(_type(prefix, name) for name in names), *revisions]


def base(prefix: str) -> dict[str, Any]:
    """The definition of what every twin is of."""
    contents = [
        {"@type": "Property", "name": name, "schema": "string", "description": says}
        for name, says in _OWN.items()
    ]
    return {"@context": CONTEXT, "@id": base_id(prefix), "@type": "Interface", "contents": contents}


def revision(
    prefix: str, name: str, properties: Declared, metrics: Declared, relationships: Iterable[str]
) -> dict[str, Any]:
    """The definition of what the twins of a type are made of.

    A name of the first level is never another's, so what has one of these gets a longer one. The name of
    twin.yaml stands in `displayName` all the same, and in `comment` which of the two it is.
    """
    edges = sorted(relationship(each) for each in relationships)
    taken = {*_OWN, *edges}
    contents = [
        _content(key, given[key], kind, taken)
        for kind, given in (("property", properties), ("metric", metrics))
        for key in sorted(given)
    ]
    contents += [{"@type": "Relationship", "name": edge} for edge in edges]
    made = {
        "@context": CONTEXT,
        "@type": "Interface",
        "displayName": name,
        "extends": type_id(prefix, name),
        "contents": contents,
    }
    digest = hashlib.sha256(jsontext.canonical(made).encode("ascii")).digest()
    number = int.from_bytes(digest[:8]) % _REVISIONS + 2
    return {"@id": f"{prefix}:{name};{number}", **made}


def relationship(name: str) -> str:
    """The name of a Relationship, the same in every interface."""
    return f"{name}_relationship" if name in _OWN else name


def interface(prefix: str, definition: Mapping[str, Any]) -> Interface | None:
    """Read a revision's definition, also in the form that the service gives back, which may be another one
    that means the same. None for what is no revision of ours.
    """
    id_ = str(definition.get("@id", ""))
    name = type_of(prefix, id_)
    if name is None or not is_revision(prefix, id_):
        return None
    found: dict[str, dict[str, Content]] = {"properties": {}, "metrics": {}}
    edges: set[str] = set()
    for content in definition.get("contents") or ():
        if content["@type"] == "Relationship":
            edges.add(content["name"])
        kind = _KINDS.get(content.get("comment", ""))
        if kind is not None:
            found[kind][_text(content["displayName"])] = Content(content["name"], str(content["schema"]))
    return Interface(id_, name, found["properties"], found["metrics"], frozenset(edges))


def _type(prefix: str, name: str) -> dict[str, Any]:
    return {
        "@context": CONTEXT,
        "@id": type_id(prefix, name),
        "@type": "Interface",
        "displayName": name,
        "extends": base_id(prefix),
    }


def _content(key: str, given: Mapping[str, Any], kind: str, taken: set[str]) -> dict[str, Any]:
    name = key
    while name in taken:
        name += f"_{kind}"
    taken.add(name)
    made = {"@type": "Property", "name": name, "schema": ValueType(given["type"]).spec.dtdl}
    made |= {"displayName": key, "comment": kind}
    return {**made, "description": f"Unit: {given['unit']}"} if given.get("unit") else made


def _text(localized: Any) -> str:
    """A text for display may come back by language."""
    return str(next(iter(localized.values())) if isinstance(localized, Mapping) else localized)
