"""Fleets for the simulator's tests."""

from __future__ import annotations

from typing import Any

from simulator.fleet import Device, Fleet
from twinspan.config import Metric

THERMOSTAT = {
    "temperature": {"type": "number", "unit": "Cel"},
    "level": {"type": "integer", "unit": "%"},
    "on": {"type": "boolean"},
    "mode": {"type": "string"},
}
OVERHEATING = {"metric": "temperature", "above": 80}


def device(id: str = "d-1", *, telemetry: dict[str, Any] = THERMOSTAT, **conditions: Any) -> Device:
    """A device, with a rule per keyword."""
    return Device(
        id=id,
        type="thermostat",
        telemetry={name: Metric.model_validate(metric) for name, metric in telemetry.items()},
        rules={
            name: {"name": name, "device_type": "thermostat", "when": when, "then": {"workflow": True}}
            for name, when in conditions.items()
        },
    )


def fleet(size: int = 3, cloud: str = "gcp") -> Fleet:
    """Devices d-1, d-2, … of the twin `factory`, with the rule `overheating`."""
    devices = [device(f"d-{number}", overheating=OVERHEATING) for number in range(1, size + 1)]
    return Fleet("factory", cloud, tuple(devices))
