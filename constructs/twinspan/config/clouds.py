"""Which cloud each layer is in, and what Twinspan must know of each cloud."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    Field,
    Strict,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from twin_runtime.roles import Cloud, Layer
from twinspan.config import regions
from twinspan.config.base import CloudName, Entry, List
from twinspan.config.problems import Refusal
from twinspan.config.text import shown

_ACCOUNT = r"[0-9]{12}"
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
# cloud.google.com/resource-manager/docs/creating-managing-projects: 6 to 30, lower case, last no hyphen.
_PROJECT = r"[a-z][a-z0-9-]{4,28}[a-z0-9]"


def _account(value: str) -> str:
    if not re.fullmatch(_ACCOUNT, value):
        raise Refusal(
            f"{shown(value)} is not an AWS account id; write its 12 digits in quotes, "
            "from `aws sts get-caller-identity`"
        )
    return value


def _subscription(value: str) -> str:
    if not re.fullmatch(_UUID, value):
        raise Refusal(f"{shown(value)} is not a subscription id; write the UUID from `az account show`")
    return value


def _operator(value: str) -> str:
    if not re.fullmatch(_UUID, value):
        raise Refusal(
            f"{shown(value)} is not an object id of Entra ID; write the UUID from "
            "`az ad signed-in-user show --query id`"
        )
    return value.lower()  # as Azure writes it


def _project(value: str) -> str:
    if not re.fullmatch(_PROJECT, value):
        raise Refusal(
            f"{shown(value)} is not a project id; write the id (not the name or number), "
            "6 to 30 of a-z, 0-9 and '-', first a letter, last no '-'"
        )
    return value


class TierPlace(StrEnum):
    """Where a tier of storage is, or that the twin has none."""

    AWS = "aws"
    AZURE = "azure"
    GCP = "gcp"
    NONE = "none"


TierName = Annotated[TierPlace, Strict(False)]


class Layers(Entry):
    """The cloud of each layer."""

    acquisition: CloudName = Field(description="L1: where devices report to.", examples=["aws"])
    processing: CloudName = Field(description="L2: where telemetry is processed.", examples=["azure"])
    hot_storage: CloudName = Field(description="L3: where recent data is stored.", examples=["gcp"])
    cold_storage: TierName | None = Field(
        default=None,
        description="L3: data older than retention.hot_days; where hot_storage is unless it says otherwise. "
        "none: such data is deleted.",
        examples=["gcp"],
    )
    archive_storage: TierName | None = Field(
        default=None,
        description="L3: data older than retention.cold_days; where cold_storage is unless it says "
        "otherwise. "
        "none: such data is deleted.",
        examples=["gcp"],
    )
    twin_management: CloudName | None = Field(
        default=None, description="L4: the twin graph; left out, there is none.", examples=["aws"]
    )
    visualization: CloudName | None = Field(
        default=None, description="L5: the dashboards; left out, there are none.", examples=["azure"]
    )

    def cloud_of(self, layer: Layer) -> Cloud | None:
        """Where the layer is; None when the twin has no such layer."""
        if layer is Layer.COLD_STORAGE:
            return _tier(self.cold_storage, self.hot_storage)
        if layer is Layer.ARCHIVE_STORAGE:
            return _tier(self.archive_storage, self.cloud_of(Layer.COLD_STORAGE))
        return getattr(self, layer.value)

    @property
    def clouds(self) -> tuple[Cloud, ...]:
        """The clouds in use, each once, in the order aws, azure, gcp."""
        used = {self.cloud_of(layer) for layer in Layer}
        return tuple(cloud for cloud in Cloud if cloud in used)

    @model_validator(mode="after")
    def _archive_takes_from_cold(self) -> Self:
        archived = self.archive_storage not in (None, TierPlace.NONE)
        if archived and self.cold_storage is TierPlace.NONE:
            raise Refusal(
                f"archive_storage is {self.archive_storage}, but takes its data from cold_storage, "
                "which is none; give cold_storage a cloud, or write archive_storage: none"
            )
        return self


def _tier(place: TierPlace | None, default: Cloud | None) -> Cloud | None:
    if place is None:
        return default
    return None if place is TierPlace.NONE else Cloud(place.value)


class AwsCloud(Entry):
    """Where in AWS. Without `account_id` it is the account of the credentials that Terraform runs with."""

    account_id: (
        Annotated[
            str, AfterValidator(_account), WithJsonSchema({"type": "string", "pattern": f"^{_ACCOUNT}$"})
        ]
        | None
    ) = Field(
        default=None,
        description="Account, 12 digits in quotes. Terraform refuses credentials of any other account.",
        examples=["123456789012"],
    )
    new_region: bool = Field(default=False, description="Accept a region that is newer than Twinspan's list.")
    region: str = Field(description="Region code.", examples=["eu-central-1"])

    @field_validator("region")
    @classmethod
    def _known(cls, value: str, info: ValidationInfo) -> str:
        return regions.check(Cloud.AWS, value, new=info.data.get("new_region", False))


class AzureCloud(Entry):
    """Where in Azure."""

    new_location: bool = Field(
        default=False, description="Accept a location that is newer than Twinspan's list."
    )
    location: str = Field(description="Location, short name.", examples=["westeurope"])
    operators: List[
        Annotated[str, AfterValidator(_operator), WithJsonSchema({"type": "string", "pattern": f"^{_UUID}$"})]
    ] = Field(
        default=(),
        description="Users, groups or service principals of Entra ID, by object id, who may plan and apply. "
        "If empty, whoever applied first alone.",
        examples=[["11111111-2222-3333-4444-555555555555"]],
    )
    subscription_id: Annotated[
        str, AfterValidator(_subscription), WithJsonSchema({"type": "string", "pattern": f"^{_UUID}$"})
    ] = Field(description="Subscription, a UUID.", examples=["00000000-0000-0000-0000-000000000000"])

    @field_validator("location")
    @classmethod
    def _known(cls, value: str, info: ValidationInfo) -> str:
        return regions.check(Cloud.AZURE, value, new=info.data.get("new_location", False))


class GcpCloud(Entry):
    """Where in Google Cloud."""

    project: Annotated[
        str, AfterValidator(_project), WithJsonSchema({"type": "string", "pattern": f"^{_PROJECT}$"})
    ] = Field(description="Project id.", examples=["my-project"])
    new_region: bool = Field(default=False, description="Accept a region that is newer than Twinspan's list.")
    region: str = Field(description="Region.", examples=["europe-west1"])

    @field_validator("region")
    @classmethod
    def _known(cls, value: str, info: ValidationInfo) -> str:
        return regions.check(Cloud.GCP, value, new=info.data.get("new_region", False))


class Clouds(Entry):
    """One entry per cloud in use. An entry that no layer uses is allowed."""

    aws: AwsCloud | None = Field(
        default=None, description="Needed when a layer is in aws.", examples=[{"region": "eu-central-1"}]
    )
    azure: AzureCloud | None = Field(
        default=None,
        description="Needed when a layer is in azure.",
        examples=[{"location": "westeurope", "subscription_id": "00000000-0000-0000-0000-000000000000"}],
    )
    gcp: GcpCloud | None = Field(
        default=None,
        description="Needed when a layer is in gcp.",
        examples=[{"project": "my-project", "region": "europe-west1"}],
    )


PLACEHOLDERS: Mapping[Cloud, tuple[str, str]] = {
    Cloud.AWS: ("account_id", "000000000000"),
    Cloud.AZURE: ("subscription_id", "00000000-0000-0000-0000-000000000000"),
    Cloud.GCP: ("project", "your-google-project"),
}
"""What the examples write for the account of each cloud: nobody has it, so nothing can be deployed there.

Google makes no project whose id contains `google` (cloud.google.com/resource-manager/docs/
creating-managing-projects, "Before you begin").
"""
