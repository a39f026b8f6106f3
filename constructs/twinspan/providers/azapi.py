"""The Azure/azapi provider, for which no binding is published in the pinned set: resources as Azure's own API
has them, where hashicorp/azurerm of the pinned version lacks what Azure requires.
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


class _Azapi(TerraformResource):
    """A resource of azapi, whose arguments are written as they are."""

    TF_RESOURCE_TYPE: ClassVar[str]

    def __init__(self, scope: Construct, id_: str, arguments: Mapping[str, Any]) -> None:
        super().__init__(
            scope, id_, terraform_resource_type=self.TF_RESOURCE_TYPE, terraform_generator_metadata=_METADATA
        )
        for argument, value in arguments.items():
            if value is not None:
                self.add_override(argument, value)


class AzapiResource(_Azapi):
    """`azapi_resource`: `kind` is its type with the API's version, `body` what it is beside name and place.

    `sensitive_body` is merged into what is sent, and is not stored in the state: Terraform 1.11 or newer.
    `exported` are paths of the answer that can be referred to as `output.<path>`. A part of another resource
    has neither a location nor tags.
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
        body: Mapping[str, Any] | None = None,
        location: str | None = None,
        exported: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
        identity: str | None = None,
        sensitive_body: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(
            scope,
            id_,
            {
                "type": kind,
                "name": name,
                "parent_id": parent_id,
                "location": location,
                "identity": [{"type": identity}] if identity else None,
                "body": dict(body) if body else None,
                "sensitive_body": dict(sensitive_body) if sensitive_body else None,
                "response_export_values": list(exported) or None,
                "tags": dict(tags) if tags else None,
            },
        )


class AzapiResourceAction(_Azapi):
    """`azapi_resource_action`: sends `body` to a resource when it is created and when the body changes, and
    waits for the end of what that starts.

    An action that failed is not in the state, so the next apply sends it again. It is never read back, and
    sends nothing when it is destroyed. It is sent again, too, whenever a resource of `again_with` changes.
    """

    TF_RESOURCE_TYPE: ClassVar[str] = "azapi_resource_action"

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        kind: str,
        resource_id: str,
        method: str,
        body: Mapping[str, Any] | None = None,
        again_with: Sequence[str] = (),
    ) -> None:
        super().__init__(
            scope,
            id_,
            {
                "type": kind,
                "resource_id": resource_id,
                "method": method,
                "body": dict(body) if body else None,
                "lifecycle": {"replace_triggered_by": list(again_with)} if again_with else None,
            },
        )
