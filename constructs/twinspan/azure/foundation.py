"""What the parts of the Azure stack share: provider, group, storage, code, logs, alarms, vault."""

from functools import cached_property

from twin_runtime.roles import Cloud, Layer, Role
from twinspan.azure import names
from twinspan.azure.monitoring import Monitoring
from twinspan.azure.storage import HostStorage, Packages
from twinspan.azure.vault import Vault
from twinspan.packaging import Package
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
from twinspan.providers.random import RandomProvider
from twinspan.providers.time import TimeProvider
from twinspan.resources import Ref, place
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
                # Otherwise the provider reads the queue properties of a new account, which needs a data role.
                storage=[AzurermProviderFeaturesStorage(data_plane_available=False)],
            )
        ],
    )


class Foundation(Construct):
    """Provider block, resource group, storage accounts, package, logs and alarm target of the Azure stack.

    `group` and `location` are what every resource names. `client` is who runs Terraform. `storage` holds
    queues and what the functions' hosts keep, `packages` the functions' code, `monitoring` the logs and
    alarms.
    """

    def __init__(self, scope: Construct, id_: str, *, twin: Twin, package: Package) -> None:
        super().__init__(scope, id_)
        self.twin = twin
        self.names = twin.names
        azure = twin.config.clouds.azure
        assert azure is not None
        self.location = azure.location
        provider(self, twin)
        AzapiProvider(self, subscription_id=azure.subscription_id)
        TimeProvider(self)
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
        self.monitoring = Monitoring(self, "monitoring", foundation=self)
        self.storage = HostStorage(self, "storage", foundation=self)
        self.packages = Packages(self, "packages", foundation=self, package=package)

    def labels(self, layer: Layer | None, role: Role | str) -> dict[str, str]:
        return self.twin.labels(layer, role)

    @cached_property
    def client(self) -> Ref:
        """Who runs Terraform: `object_id`, `tenant_id`."""
        return place(DataAzurermClientConfig(self, "client"), "current")

    @cached_property
    def vault(self) -> Vault:
        """The key vault, and the output by which `links` finds it. Created with the first secret."""
        return Vault(self, "vault", foundation=self)

    @cached_property
    def random(self) -> None:
        """The provider of random values. Created with the first password."""
        RandomProvider(self)
