"""Which devices there are: those of a twin.yaml, because a broker knows no others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulator.errors import SimulatorError
from twin_runtime import rules
from twinspan.config import Config, Metric


@dataclass(frozen=True, slots=True)
class Device:
    """One device: what it measures, and the rules that its readings can fulfil, by name."""

    id: str
    type: str
    telemetry: Mapping[str, Metric]
    rules: Mapping[str, Mapping[str, Any]]
    """Each rule as twin.json has it (`twin_runtime.rules.parse`)."""
    key: int = 1
    """The number of its key on Google Cloud."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The devices of one twin, in the order of its file, and the cloud whose broker they talk to."""

    twin: str
    cloud: str
    devices: tuple[Device, ...]

    @classmethod
    def of(cls, config: Config, *, devices: int | None = None) -> Fleet:
        """The first `devices` of the configuration that are not revoked, or all. Raises `SimulatorError`."""
        known = [device for device in config.devices if not device.revoked]
        if not known:
            raise SimulatorError(f"The twin {config.name} has no devices: list some under devices: first.")
        if devices is not None and devices > len(known):
            raise SimulatorError(
                f"The broker knows only the {len(known)} devices of the twin {config.name}, not {devices}: "
                "ask for fewer, or list more under devices: and deploy."
            )
        documents = [rule.document() for rule in config.events.rules]
        chosen = tuple(
            Device(
                id=device.id,
                type=device.type,
                telemetry=config.device_types[device.type].telemetry,
                rules={
                    rule["name"]: rule
                    for rule in documents
                    if rule.get("device") == device.id or rule.get("device_type") == device.type
                },
                key=device.key,
            )
            for device in known[:devices]
        )
        return cls(twin=config.name, cloud=str(config.layers.acquisition), devices=chosen)

    def share(self, index: int, total: int) -> Fleet:
        """The part of worker `index` of `total`: no device is in two parts."""
        return Fleet(self.twin, self.cloud, self.devices[index::total])

    def check(self, *, twin: str, cloud: str) -> None:
        """That an endpoint is this twin's. Raises `SimulatorError`."""
        if (twin, cloud) != (self.twin, self.cloud):
            raise SimulatorError(
                f"The endpoint document is of the twin {twin} on {cloud}, the twin.yaml of {self.twin} on "
                f"{self.cloud}: give those of one twin."
            )


def fires(rule: Mapping[str, Any], device: Device, data: Mapping[str, Any]) -> bool:
    """Whether a reading of the device fulfils the rule, by the functions' own judgement."""
    return rules.parse(dict(rule)).holds(data)
