"""A small twin with a graph, for tests of L4: two types of entities and of devices, edges of four names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from support.samples import DOCUMENT
from twin_runtime import model
from twin_runtime.events import cloudevents
from twin_runtime.ports import Event, GraphTwin, Relationship

MODEL: dict[str, Any] = {
    "types": {
        "room": {
            "properties": {
                "floor": {"type": "integer"},
                "area": {"type": "number", "unit": "m2"},
                "heated": {"type": "boolean"},
                "label": {"type": "string"},
            }
        },
        "machine": {"properties": {}},
    },
    "entities": {
        "hall-1": {
            "type": "room",
            "name": "Hall 1 – nördlich",
            "properties": {"floor": -1, "area": 120, "heated": True, "label": 'the "big" one'},
        },
        "press-7": {"type": "machine", "name": "press-7", "properties": {}},
    },
    "relationships": [
        ["hall-1", "contains", "press-7"],
        ["hall-1", "contains", "thermostat-2"],
        ["press-7", "has_sensor", "thermostat-1"],
        ["press-7", "cools", "hall-1"],
        ["thermostat-1", "measures", "press-7"],
    ],
}
GRAPH_DOCUMENT: dict[str, Any] = {
    **DOCUMENT,
    "device_types": {
        **DOCUMENT["device_types"],
        "pump": {
            "telemetry": {
                "flow": {"type": "number", "unit": "l/min"},
                "turns": {"type": "integer"},
                "open": {"type": "boolean"},
                "mode": {"type": "string"},
            },
            "commands": {},
            "processor": None,
        },
    },
    "model": MODEL,
}
GRAPH_TWIN = model.parse(GRAPH_DOCUMENT)
EDGES = tuple(Relationship(*edge) for edge in MODEL["relationships"])
HALL = GraphTwin(
    "hall-1",
    "room",
    "Hall 1 – nördlich",
    {"floor": -1, "area": 120.0, "heated": True, "label": 'the "big" one'},
)


def without(*ids: str) -> model.Twin:
    """The twin without these entities and devices, and without their edges."""
    kept = {key: value for key, value in MODEL["entities"].items() if key not in ids}
    edges = [edge for edge in MODEL["relationships"] if not {edge[0], edge[2]} & set(ids)]
    devices = {key: value for key, value in GRAPH_DOCUMENT["devices"].items() if key not in ids}
    document = {**GRAPH_DOCUMENT, "devices": devices}
    return model.parse({**document, "model": {**MODEL, "entities": kept, "relationships": edges}})


def measurement(device: str, time: str, data: Mapping[str, Any], id: str = "e1") -> Event:
    """A telemetry event of a device of the graph's twin."""
    return cloudevents.make(
        cloudevents.TELEMETRY,
        twin=GRAPH_TWIN.name,
        device=device,
        subject=GRAPH_TWIN.devices[device],
        data=data,
        time=time,
        id=id,
    )
