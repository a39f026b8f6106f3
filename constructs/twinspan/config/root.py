"""The configuration of one twin, which `load` returns."""

from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any, Self

from pydantic import Field, PrivateAttr, model_validator

from twin_runtime.roles import Layer
from twinspan.config.backends import AnyBackend, LocalBackend
from twinspan.config.base import Email, Entry, List, TwinName
from twinspan.config.clouds import Clouds, Layers
from twinspan.config.devices import Devices, DeviceTypes
from twinspan.config.events import Events
from twinspan.config.graph import Model
from twinspan.config.problems import Refusal
from twinspan.config.safety import Client, FormerStore, Keys, Protect, ReadApi, Tags, YesOrClients

# A row expires this many days after the age at which the mover takes it, so that a mover that stopped for a
# while loses no rows.
SAFETY_DAYS = 30
# Cosmos DB keeps a time to live in 31 bits of seconds (24,855 days); azurerm_storage_management_policy takes
# up to 99,999 days. One bound for all clouds, so that a layer can move without a change here.
LONGEST_HOT = 24_855 - SAFETY_DAYS
LONGEST_COLD = 99_999


class Retention(Entry):
    """Age in days at which data leaves a tier."""

    hot_days: int = Field(
        default=30, ge=1, le=LONGEST_HOT, description="Age in days at which data leaves hot storage."
    )
    cold_days: int = Field(
        default=90, ge=1, le=LONGEST_COLD, description="Age in days at which data leaves cold storage."
    )
    archive_days: int = Field(
        default=3650, ge=1, le=LONGEST_COLD, description="Age in days at which data is deleted."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        names = [name for name in type(self).model_fields if name.endswith("_days")]
        ages = [(name, getattr(self, name)) for name in names]
        for (first, age), (second, later) in pairwise(ages):
            if later <= age:
                default = "" if second in self.model_fields_set else ", its default"
                order = f"{second} is {later}{default}, and must be more than {first}, which is {age}"
                raise Refusal(f"out of order: {order}; write {second}: {age + 1} or more")
        return self


class Alerts(Entry):
    """Who receives alarm notifications. If unset, alarms appear only in the console."""

    email: Email = Field(
        description="Address that receives alarm notifications.", examples=["ops@example.com"]
    )


class Config(Entry):
    """One twin. Use `load`, which also checks the sections against each other."""

    name: TwinName = Field(
        alias="twin", description="Name of the twin, part of every resource's.", examples=["factory"]
    )
    layers: Layers = Field(
        description="The cloud of each layer.",
        examples=[{"acquisition": "aws", "processing": "azure", "hot_storage": "gcp"}],
    )
    clouds: Clouds = Field(
        description="One entry per cloud in use.",
        examples=[{"aws": {"region": "eu-central-1", "account_id": "123456789012"}}],
    )
    device_types: DeviceTypes = Field(
        min_length=1,
        description="The device types, by name.",
        examples=[{"thermostat": {"telemetry": {"temperature": {"type": "number", "unit": "Cel"}}}}],
    )
    devices: Devices = Field(
        default=(), description="The devices.", examples=[[{"id": "thermostat-1", "type": "thermostat"}]]
    )
    model: Model = Field(
        default_factory=Model,
        description="Entities and relationships of the twin graph.",
        examples=[{"types": {"room": {}}, "entities": [{"id": "hall-1", "type": "room"}]}],
    )
    events: Events = Field(
        default=Events(), description="Rules on the telemetry.", examples=[{"enabled": True}]
    )
    retention: Retention = Field(
        default=Retention(), description="How long data stays.", examples=[{"hot_days": 30}]
    )
    backend: AnyBackend = Field(
        default=LocalBackend(type="local"),
        description="Where Terraform keeps its state.",
        examples=[{"type": "local"}],
    )
    read_api: YesOrClients = Field(
        default=True,
        description="Public endpoints for clients outside the twin: with clients, an API key for each; with "
        "true, one API key. With false, hot_reader still has a public endpoint where visualization or a "
        "twin_management in another cloud needs it.",
        examples=[True, {"clients": ["erp"]}],
    )
    keys: Keys = Field(
        default=Keys(), description="Generation of API and signing keys.", examples=[{"generation": 2}]
    )
    protect: Protect = Field(
        default=True,
        description="Whether the clouds refuse to delete what holds data or identity: for the whole twin, or "
        "by layer.",
        examples=[True, {"visualization": False}],
    )
    former: List[FormerStore] = Field(
        default=(),
        description="Stores that a layer has left, as <layer>@<cloud>: each stays in its cloud, readable and "
        "no longer written, until the line goes.",
        examples=[["hot_storage@aws"]],
    )
    tags: Tags = Field(
        default_factory=dict,
        description="Tags (AWS, Azure) or labels (Google Cloud) of every resource that takes them.",
        examples=[{"cost-center": "4711"}],
    )
    alerts: Alerts | None = Field(
        None,
        description="Who receives alarm notifications. If unset, alarms appear only in the console.",
        examples=[{"email": "ops@example.com"}],
    )

    _folder: Path = PrivateAttr(default=Path())

    def model_post_init(self, context: Any) -> None:
        self._folder = (context or {}).get("folder", Path())

    @property
    def read_clients(self) -> tuple[Client, ...]:
        """The clients of the read API that have keys of their own."""
        return self.read_api.clients if isinstance(self.read_api, ReadApi) else ()

    def protects(self, layer: Layer | None) -> bool:
        """Whether what a layer holds is protected from deletion; None is what the layers share."""
        if isinstance(self.protect, bool):
            return self.protect
        return layer is None or self.protect.get(layer, True)

    @property
    def folder(self) -> Path:
        """Folder of the twin.yaml."""
        return self._folder

    def path_of(self, relative: PurePosixPath) -> Path:
        """Return the path of a processor or workflow on this machine."""
        return self._folder / relative

    def as_written(self) -> dict[str, Any]:
        """Plain data that, written as YAML into the same folder, loads as an equal configuration."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
