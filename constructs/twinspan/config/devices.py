"""The sections `device_types` (metrics and commands) and `devices`."""

from pydantic import Field

from twinspan.config.base import (
    DeviceId,
    Entry,
    FrozenMap,
    Identifier,
    List,
    MetricName,
    RelativePath,
    TypeName,
    Unit,
)


class Metric(Entry):
    """A metric of a device type."""

    type: TypeName = Field(description="Type of the metric's value.", examples=["number"])
    unit: Unit | None = Field(
        default=None, description="Unit, by UCUM code where there is one.", examples=["Cel", "%"]
    )


class Command(Entry):
    """A command that devices of a type accept, with one value."""

    type: TypeName = Field(description="Type of the command's value.", examples=["number"])
    unit: Unit | None = Field(default=None, description="Unit of the value.", examples=["Cel"])


class DeviceType(Entry):
    """A type of devices."""

    # Without a metric a device never reports, so no rule could ever send it a command.
    telemetry: FrozenMap[MetricName, Metric] = Field(
        min_length=1,
        description="The metrics that a device of this type reports, by name.",
        examples=[{"temperature": {"type": "number", "unit": "Cel"}}],
    )
    commands: FrozenMap[Identifier, Command] = Field(
        default_factory=dict,
        description="The commands that devices of this type accept, by name.",
        examples=[{"set_point": {"type": "number", "unit": "Cel"}}],
    )
    processor: RelativePath | None = Field(
        default=None,
        description="Python file with `def process(event)`, relative to the twin.yaml and inside its folder.",
        examples=["processors/thermostat.py"],
    )


class Device(Entry):
    """One device."""

    id: DeviceId = Field(description="Id of the device at its broker.", examples=["thermostat-1"])
    type: str = Field(description="One of device_types.", examples=["thermostat"])
    key: int = Field(
        default=1,
        ge=1,
        le=1_000_000,
        description="On Google Cloud, the number of the device's key. Raise it to revoke the key before.",
    )
    revoked: bool = Field(
        default=False, description="Refuse every message of the device, and send it no command."
    )


Devices = List[Device]
DeviceTypes = FrozenMap[Identifier, DeviceType]
