"""The sections `layers` and `clouds`: the cloud of each layer, and the account and region in each cloud."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import (
    AfterValidator,
    Field,
    Strict,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from twin_runtime.roles import Cloud, Layer
from twinspan.config import regions
from twinspan.config.base import CloudName, Entry, List
from twinspan.config.problems import Refusal
from twinspan.config.text import shown

_ACCOUNT = r"[0-9]{12}"
_SKIP = "Accept a region that is not in Twinspan's list, such as a newer one."
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
            "6–30 lowercase letters, digits and hyphens; start with a letter, end with a letter or digit"
        )
    return value


def _region(cloud: Cloud, value: str, info: ValidationInfo) -> str:
    return regions.check(cloud, value, skip=info.data.get("skip_region_validation", False))


class TierPlace(StrEnum):
    """The cloud of a storage tier, or `none`."""

    AWS = "aws"
    AZURE = "azure"
    GCP = "gcp"
    NONE = "none"


TierName = Annotated[TierPlace, Strict(False)]


class Layers(Entry):
    """The cloud of each layer."""

    acquisition: CloudName = Field(description="L1: the broker that devices connect to.", examples=["aws"])
    processing: CloudName = Field(description="L2: where telemetry is processed.", examples=["azure"])
    hot_storage: CloudName = Field(description="L3: where recent data is stored.", examples=["gcp"])
    cold_storage: TierName | None = Field(
        default=None,
        description="L3: data older than retention.hot_days. Default: the cloud of hot_storage. "
        "none: that data is deleted.",
        examples=["gcp"],
    )
    archive_storage: TierName | None = Field(
        default=None,
        description="L3: data older than retention.cold_days. Default: the cloud of cold_storage. "
        "none: that data is deleted.",
        examples=["gcp"],
    )
    twin_management: CloudName | None = Field(
        default=None, description="L4: the twin graph. Optional.", examples=["aws"]
    )
    visualization: CloudName | None = Field(
        default=None, description="L5: the dashboards. Optional.", examples=["azure"]
    )

    def cloud_of(self, layer: Layer) -> Cloud | None:
        """Return the cloud of the layer, None when the twin does not have the layer."""
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


def _tier(place: TierPlace | None, default: Cloud | None) -> Cloud | None:
    if place is None:
        return default
    return None if place is TierPlace.NONE else Cloud(place.value)


def archive_problem(layers: Mapping[str, object]) -> str | None:
    """Return the problem of an archive without a cold tier, from which it takes its data; None otherwise."""
    archive = layers.get(Layer.ARCHIVE_STORAGE)
    if archive not in tuple(Cloud) or layers.get(Layer.COLD_STORAGE) != TierPlace.NONE:
        return None
    return (
        f"is {archive}, but the archive takes its data from cold_storage, which is none; "
        "give cold_storage a cloud, or write archive_storage: none"
    )


class AwsCloud(Entry):
    """Region and account in AWS."""

    account_id: Annotated[
        str, AfterValidator(_account), WithJsonSchema({"type": "string", "pattern": f"^{_ACCOUNT}$"})
    ] = Field(
        description="Account, 12 digits in quotes. Terraform refuses credentials of any other account.",
        examples=["123456789012"],
    )
    skip_region_validation: bool = Field(default=False, description=_SKIP)
    region: str = Field(description="Region code.", examples=["eu-central-1"])

    @field_validator("region")
    @classmethod
    def _known(cls, value: str, info: ValidationInfo) -> str:
        return _region(Cloud.AWS, value, info)


class AzureCloud(Entry):
    """Location and subscription in Azure."""

    skip_region_validation: bool = Field(default=False, description=_SKIP)
    location: str = Field(description="Location, short name.", examples=["westeurope"])
    operators: List[
        Annotated[str, AfterValidator(_operator), WithJsonSchema({"type": "string", "pattern": f"^{_UUID}$"})]
    ] = Field(
        default=(),
        description="Entra ID users, groups and service principals, by object id, that may plan and apply. "
        "If empty, only the identity of the first apply may.",
        examples=[["11111111-2222-3333-4444-555555555555"]],
    )
    subscription_id: Annotated[
        str, AfterValidator(_subscription), WithJsonSchema({"type": "string", "pattern": f"^{_UUID}$"})
    ] = Field(description="Subscription, a UUID.", examples=["00000000-0000-0000-0000-000000000000"])

    @field_validator("location")
    @classmethod
    def _known(cls, value: str, info: ValidationInfo) -> str:
        return _region(Cloud.AZURE, value, info)


class GcpCloud(Entry):
    """Project and region in Google Cloud."""

    project: Annotated[
        str, AfterValidator(_project), WithJsonSchema({"type": "string", "pattern": f"^{_PROJECT}$"})
    ] = Field(description="Project id.", examples=["my-project"])
    skip_region_validation: bool = Field(default=False, description=_SKIP)
    region: str = Field(description="Region.", examples=["europe-west1"])

    @field_validator("region")
    @classmethod
    def _known(cls, value: str, info: ValidationInfo) -> str:
        return _region(Cloud.GCP, value, info)


class Clouds(Entry):
    """One entry per cloud in use.

    A cloud without layers keeps an empty stack: applying it removes the resources that it had there.
    """

    aws: AwsCloud | None = Field(
        default=None,
        description="Needed when a layer is in aws.",
        examples=[{"region": "eu-central-1", "account_id": "123456789012"}],
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
"""The account of each cloud in the examples. It does not exist, so nothing can be deployed there.

Google makes no project whose id contains `google` (cloud.google.com/resource-manager/docs/
creating-managing-projects, "Before you begin").
"""
