"""The graph that a twin should have: its devices and entities, and the edges between them.

A digest stands for a twin with the edges that leave it, and one more for the whole graph with its types, so
that what is there already is told from what has changed without being read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twin_runtime import jsontext
from twin_runtime.model import Twin
from twin_runtime.ports import GraphTwin, Relationship
from twin_runtime.values import LONGEST_TEXT, ValueType

_FORM = 1
"""Of how adapters write a twin; a higher number has every twin written anew."""
_DIGEST_LENGTH = 16
MAX_PAGE_BYTES = 2_000_000
"""Of a page of twins, as JSON."""
_NODE_BYTES = 600
"""Of a twin without properties and values: id, type, name and time."""
_NUMBER_BYTES = 30
_TEXT_BYTES = 6 * LONGEST_TEXT


@dataclass(frozen=True, slots=True)
class Desired:
    """The graph: twins by id, the edges that leave each, and the digests."""

    twins: Mapping[str, GraphTwin]
    edges: Mapping[str, Sequence[Relationship]]
    digests: Mapping[str, str]
    mark: str


def desired(twin: Twin) -> Desired:
    """The graph as twin.json describes it."""
    twins = {id_: GraphTwin(id_, kind, id_) for id_, kind in twin.devices.items()}
    for id_, entity in twin.model.entities.items():
        types = {name: ValueType(each["type"]) for name, each in twin.model.types[entity.type].items()}
        properties = {name: types[name].keep(value) for name, value in entity.properties.items()}
        twins[id_] = GraphTwin(id_, entity.type, entity.name, properties)
    edges: dict[str, list[Relationship]] = {id_: [] for id_ in twins}
    for source, name, target in sorted(twin.model.relationships):
        edges[source].append(Relationship(source, name, target))
    digests = {id_: _digest(_plain(node, edges[id_])) for id_, node in twins.items()}
    types = {
        "devices": {name: kind.telemetry for name, kind in twin.device_types.items()},
        "entities": twin.model.types,
    }
    return Desired(twins, edges, digests, _digest([types, sorted(digests.items())]))


def page_limit(twin: Twin, type: str | None, most: int) -> int:
    """How many twins of a type, or of any, to ask for at a time: `most`, or so many that a page is no longer
    than `MAX_PAGE_BYTES` whatever their values are.
    """
    kinds = {**twin.model.types, **{name: kind.telemetry for name, kind in twin.device_types.items()}}
    longest = max(map(_longest, kinds.values() if type is None else [kinds[type]]), default=0)
    return max(1, min(most, MAX_PAGE_BYTES // (_NODE_BYTES + longest)))


def _longest(contents: Mapping[str, Any]) -> int:
    """Bytes of the values of a type's metrics or properties, as JSON."""
    return sum(
        len(name) + (_TEXT_BYTES if each["type"] == ValueType.STRING else _NUMBER_BYTES)
        for name, each in contents.items()
    )


def measured(data: Any, telemetry: Mapping[str, Any]) -> dict[str, Any]:
    """Of an event's data, the metrics that the device's type declares, as far as the graph can keep them."""
    if not isinstance(data, Mapping):
        return {}
    found = ((name, ValueType(metric["type"]).keep(data.get(name))) for name, metric in telemetry.items())
    return {name: value for name, value in found if value is not None}


def _plain(node: GraphTwin, edges: Sequence[Relationship]) -> list[Any]:
    properties = sorted(node.properties.items())
    return [node.id, node.type, node.name, properties, [[edge.name, edge.target] for edge in edges]]


def _digest(value: Any) -> str:
    text = jsontext.dumps([_FORM, value])
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:_DIGEST_LENGTH]
