"""The Azure/azapi provider, for which no binding is published in the pinned set: resources as Azure's own API
has them, where hashicorp/azurerm of the pinned version does not know what Azure asks for.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from cdktf import TerraformProviderGeneratorMetadata

from twinspan.providers import Construct, TerraformProvider, TerraformResource

_VERSION = "2.12.0"
_METADATA = TerraformProviderGeneratorMetadata(
    provider_name="azapi", provider_version=_VERSION, provider_version_constraint=_VERSION
)


class AzapiProvider(TerraformProvider):
    """The provider block. Credentials come from the environment, as azurerm's do."""

    def __init__(self, scope: Construct, *, subscription_id: str) -> None:
        super().__init__(
            scope,
            "azapi",
            terraform_resource_type="azapi",
            terraform_provider_source="Azure/azapi",
            terraform_generator_metadata=_METADATA,
        )
        self.add_override("subscription_id", subscription_id)


class AzapiResource(TerraformResource):
    """`azapi_resource`: `kind` is its type with the API's version, `body` what it is beside name and place.

    `exported` are paths of the answer that can be referred to as `output.<path>`.
    """

    TF_RESOURCE_TYPE: ClassVar[str] = "azapi_resource"

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        kind: str,
        name: str,
        parent_id: str,
        location: str,
        body: Mapping[str, Any],
        exported: Sequence[str],
        tags: Mapping[str, str],
    ) -> None:
        super().__init__(
            scope, id_, terraform_resource_type=self.TF_RESOURCE_TYPE, terraform_generator_metadata=_METADATA
        )
        arguments = {
            "type": kind,
            "name": name,
            "parent_id": parent_id,
            "location": location,
            "identity": [{"type": "SystemAssigned"}],
            "body": dict(body),
            "response_export_values": list(exported),
            "tags": dict(tags),
        }
        for argument, value in arguments.items():
            self.add_override(argument, value)
