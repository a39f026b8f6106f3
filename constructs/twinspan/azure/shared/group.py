"""The resource group of a stack, and the providers that make what is in it."""

from functools import cached_property

from twin_runtime.roles import Cloud, Layer, Role
from twinspan.azure import names
from twinspan.inventory import Inventory
from twinspan.providers import Construct
from twinspan.providers.azapi import AzapiProvider
from twinspan.providers.azure import (
    AzurermProvider,
    AzurermProviderFeatures,
    AzurermProviderFeaturesKeyVault,
    AzurermProviderFeaturesStorage,
    DataAzurermClientConfig,
    ResourceGroup,
)
from twinspan.providers.time import TimeProvider
from twinspan.terraform.resources import Ref, place
from twinspan.twin import Twin

SERVICES = (
    "Microsoft.AlertsManagement",
    "Microsoft.Dashboard",
    "Microsoft.Devices",
    "Microsoft.DocumentDB",
    "Microsoft.EventGrid",
    "Microsoft.Insights",
    "Microsoft.KeyVault",
    "Microsoft.Logic",
    "Microsoft.ManagedIdentity",
    "Microsoft.OperationalInsights",
    "Microsoft.Storage",
    "Microsoft.Web",
)
LAYER_SERVICES: dict[Layer, tuple[str, ...]] = {
    Layer.TWIN_MANAGEMENT: ("Microsoft.DigitalTwins",),
}
"""The resource providers that a twin needs registered in its subscription: always, and for layers that it can
do without.
"""


def provider(scope: Construct, twin: Twin) -> None:
    """The provider block: the subscription and nothing secret. Credentials come from the environment."""
    azure = twin.config.clouds.azure
    assert azure is not None  # a cloud in use has its entry
    layers = twin.topology.layers_in(Cloud.AZURE)
    more = [name for layer in layers for name in LAYER_SERVICES.get(layer, ())]
    AzurermProvider(
        scope,
        "azure",
        subscription_id=azure.subscription_id,
        storage_use_azuread=True,
        resource_provider_registrations="none",
        resource_providers_to_register=sorted((*SERVICES, *more)),
        features=[
            AzurermProviderFeatures(
                # Purge protection is on: an attempt to purge fails, and so does the destroy.
                key_vault=[
                    AzurermProviderFeaturesKeyVault(
                        purge_soft_delete_on_destroy=False, purge_soft_deleted_secrets_on_destroy=False
                    )
                ],
                # Else a new account is asked for its queue properties, which takes a role on data.
                storage=[AzurermProviderFeaturesStorage(data_plane_available=False)],
            )
        ],
    )


def declare(scope: Construct, twin: Twin) -> None:
    """The provider blocks of every Azure stack: azurerm, azapi and time."""
    provider(scope, twin)
    azure = twin.config.clouds.azure
    assert azure is not None
    AzapiProvider(scope, subscription_id=azure.subscription_id)
    TimeProvider(scope)


class Group(Construct):
    """Provider blocks and resource group. `group` and `location` are what every resource names."""

    def __init__(self, scope: Construct, id_: str, *, twin: Twin) -> None:
        super().__init__(scope, id_)
        self.twin = twin
        self.inventory = Inventory()
        self.names = twin.names
        azure = twin.config.clouds.azure
        assert azure is not None
        self.location = azure.location
        declare(self, twin)
        self._group = place(
            ResourceGroup(
                self,
                "group",
                name=names.group(self.names),
                location=self.location,
                tags=self.labels(None, "group"),
            ),
            "twin",
        )
        self.group = self._group["name"]
        self.group_id = self._group["id"]

    def labels(self, layer: Layer | None, role: Role | str) -> dict[str, str]:
        return self.twin.labels(layer, role)

    @cached_property
    def client(self) -> Ref:
        """Who runs Terraform: `object_id`, `tenant_id`."""
        return place(DataAzurermClientConfig(self, "client"), "current")
