"""What the constructs of the Azure stack share: provider, group, storage, code, logs, alarms, vault."""

from functools import cached_property

from twinspan.azure.shared.group import Group, declare
from twinspan.azure.shared.monitoring import Monitoring
from twinspan.azure.shared.storage import HostStorage, Packages
from twinspan.azure.shared.vault import Vault
from twinspan.packaging import Package
from twinspan.providers import Construct
from twinspan.providers.random import RandomProvider
from twinspan.twin import Twin


def providers(scope: Construct, twin: Twin) -> None:
    """The provider blocks of a stack without resources."""
    declare(scope, twin)
    RandomProvider(scope)


class Foundation(Group):
    """Resource group, storage accounts, package, logs and alarm target of the Azure stack.

    `storage` holds queues and what the functions' hosts keep, `packages` the functions' code, `monitoring`
    the logs and alarms.
    """

    def __init__(self, scope: Construct, id_: str, *, twin: Twin, package: Package) -> None:
        super().__init__(scope, id_, twin=twin)
        self.monitoring = Monitoring(self, "monitoring", group=self)
        self.storage = HostStorage(self, "storage", group=self)
        self.packages = Packages(self, "packages", group=self, package=package)

    @cached_property
    def vault(self) -> Vault:
        """The key vault, and the output by which `links` finds it. Created with the first secret."""
        return Vault(self, "vault", group=self)

    @cached_property
    def random(self) -> None:
        """The provider of random values. Created with the first password."""
        RandomProvider(self)
