"""A twin with every kind of metric, and what its dashboards look like once Grafana has read them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from support.layouts import CLOUDS, config_of
from twin_runtime.roles import Cloud
from twinspan import dashboards
from twinspan.config import Config

TYPES: dict[str, Any] = {
    "thermostat": {
        "telemetry": {
            "temperature": {"type": "number", "unit": "Cel"},
            "humidity": {"type": "number", "unit": "%"},
            "starts": {"type": "integer"},
            "open": {"type": "boolean"},
            "mode": {"type": "string"},
            "torque": {"type": "number", "unit": "[lbf_av].[ft_i]"},
        }
    },
    "door": {"telemetry": {"open": {"type": "boolean"}}},
    "Big_Machine_with_a_name_that_is_as_long_as_it_can_be_in_twin_yaml": {
        "telemetry": {"Time": {"type": "number"}, "Device": {"type": "string"}}
    },
}
TYPES = {name[:64].rstrip("_"): each for name, each in TYPES.items()}
RULES = [
    {"name": "hot", "device_type": "thermostat", "when": {"metric": "temperature", "above": 80}},
    {
        "name": "comfort",
        "device_type": "thermostat",
        "when": {"all": [{"metric": "humidity", "at_least": 20}, {"metric": "humidity", "below": 30}]},
    },
    {
        "name": "either",
        "device_type": "thermostat",
        "when": {"any": [{"metric": "temperature", "at_most": -5}, {"metric": "open", "equals": True}]},
    },
    {"name": "third", "device_type": "thermostat", "when": {"metric": "starts", "equals": 3}},
    {"name": "away", "device_type": "thermostat", "when": {"metric": "mode", "not_equals": "auto"}},
    {"name": "one", "device": "door-1", "when": {"metric": "open", "equals": True}},
]


def config(cloud: Cloud, *, cold: bool = False, devices: int = 3, others: Cloud = Cloud.AWS) -> Config:
    """A twin whose Grafana is in `cloud`, and whose other layers are in `others`."""
    layers: dict[str, str] = {
        "acquisition": others,
        "processing": others,
        "hot_storage": others,
        "cold_storage": others if cold else "none",
        "archive_storage": "none",
        "visualization": cloud,
    }
    made = [{"id": f"thermostat-{n}", "type": "thermostat"} for n in range(devices)]
    return config_of(
        {
            "twin": "factory",
            "layers": layers,
            "clouds": {used: CLOUDS[used] for used in {cloud, others}},
            "device_types": TYPES,
            "devices": [*made, {"id": "door-1", "type": "door"}],
            "events": {"enabled": True, "rules": [{**rule, "then": {"workflow": True}} for rule in RULES]},
        }
    )


def boards(made: Config) -> dict[str, dict[str, Any]]:
    """The dashboards by uid."""
    return {name.removesuffix(".json"): json.loads(text) for name, text in dashboards.generate(made).items()}


def panels(board: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Those that show something: no headings."""
    return (panel for panel in board["panels"] if panel["type"] != "row")


def panel(board: Mapping[str, Any], title: str, kind: str | None = None) -> dict[str, Any]:
    """The one of that title, and of that type where several have it."""
    (found,) = (p for p in panels(board) if p.get("title") == title and kind in (None, p["type"]))
    return found


def asked_by(board: Mapping[str, Any], shown: Mapping[str, Any]) -> dict[str, Any]:
    """The query whose data a panel shows: its own, or that of the panel that it names."""
    (target,) = shown["targets"]
    if "panelId" not in target:
        return target
    (source,) = (p for p in board["panels"] if p["id"] == target["panelId"])
    return asked_by(board, source)
