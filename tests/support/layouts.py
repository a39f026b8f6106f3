"""Twins for tests: every placement of L1, L2 and L3 on the three clouds."""

from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from twinspan.config import Config
from twinspan.vocabulary import Cloud

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


class Layout(NamedTuple):
    """Which cloud holds acquisition, processing and hot storage."""

    l1: Cloud
    l2: Cloud
    l3: Cloud

    def __str__(self) -> str:
        return "-".join(self)


LAYOUTS = tuple(Layout(*clouds) for clouds in product(Cloud, repeat=3))

CLOUDS: dict[str, Any] = {
    "aws": {"region": "eu-central-1"},
    "azure": {"location": "westeurope", "subscription_id": "00000000-0000-0000-0000-000000000000"},
    "gcp": {"project": "my-project", "region": "europe-west1"},
}


def twin_data(layout: Layout, *, events: bool = True, **fields: Any) -> dict[str, Any]:
    """The content of a twin.yaml for a layout; `fields` replace or add top-level fields."""
    return {
        "twin": "factory",
        "layers": {"acquisition": layout.l1, "processing": layout.l2, "hot_storage": layout.l3},
        "clouds": {cloud: CLOUDS[cloud] for cloud in sorted(set(layout))},
        "device_types": {
            "thermostat": {
                "telemetry": {"temperature": {"type": "number", "unit": "Cel"}},
                "commands": {"set_point": {"type": "number", "unit": "Cel"}},
                "processor": "processors/thermostat.py",
            }
        },
        "devices": [{"id": "thermostat-1", "type": "thermostat"}],
        "events": {
            "enabled": events,
            "rules": [
                {
                    "name": "overheating",
                    "device_type": "thermostat",
                    "when": {"metric": "temperature", "above": 80},
                    "then": {"feedback": {"command": "set_point", "value": 20}, "workflow": True},
                }
            ],
        },
        **fields,
    }


def config_of(data: dict[str, Any]) -> Config:
    """The configuration that `data`, written beside the examples, would load as."""
    return Config.model_validate(data, context={"folder": EXAMPLES})


def twin_config(layout: Layout, *, events: bool = True, **fields: Any) -> Config:
    """The configuration of a layout."""
    return config_of(twin_data(layout, events=events, **fields))
