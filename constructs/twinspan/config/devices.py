"""The sections `device_types` (metrics and commands) and `devices`."""

from typing import Annotated, Literal

from pydantic import Field

from twin_runtime import model
from twin_runtime.events.clocks import MOST_AHEAD_S
from twinspan.config.base import (
    DeviceId,
    Duration,
    Entry,
    FrozenMap,
    Identifier,
    List,
    MetricName,
    RelativePath,
    TypeName,
    Unit,
    lasting,
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


class Clock(Entry):
    """How far a device's clock may be from the time at which the broker received the message."""

    ahead: Annotated[Duration, lasting("0s", f"{MOST_AHEAD_S // 3_600}h")] = Field(
        default=Duration("5m"),
        description="How long after its receipt a reading may say that it was measured; at most 1h.",
    )
    behind: Annotated[Duration, lasting("1m", "366d")] = Field(
        default=Duration("30d"),
        description="How long before its receipt a reading may say that it was measured; at most 366d.",
    )
    outside: Literal["keep", "refuse"] = Field(
        default="keep",
        description="keep: a reading outside these limits gets the time of its receipt, and a flag. refuse: "
        "it goes to the dead letters.",
    )


class Rate(Entry):
    """How many readings a device may send. More are dropped, and counted in the log of the dispatcher."""

    per_second: int = Field(
        default=model.Rate().per_second, ge=1, le=10_000, description="Readings per second in the long run."
    )
    burst: int = Field(
        default=model.Rate().burst,
        ge=500,
        le=10_000_000,
        description="Readings at once after a pause, such as those that a device kept while it was away.",
    )


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
    requirements: RelativePath | None = Field(
        default=None,
        description="File with the packages that the processor imports, a line `name==1.2.3` for each.",
        examples=["processors/requirements.txt"],
    )
    clock: Clock = Field(
        default=Clock(),
        description="How far a device's clock may be off.",
        examples=[{"ahead": "1m", "behind": "7d", "outside": "refuse"}],
    )
    rate: Rate = Field(
        default=Rate(),
        description="How many readings a device may send.",
        examples=[{"per_second": 10, "burst": 20000}],
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
