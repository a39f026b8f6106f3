"""Containers of the bodies that are too long for a queue's messages."""

from twin_runtime.roles import Layer
from twinspan import contracts
from twinspan.azure import facts, names
from twinspan.azure.foundation import Foundation
from twinspan.azure.shared.grants import WRITE_BLOBS, grant
from twinspan.providers import Construct


class Bodies(Construct):
    """The bodies that are too long for messages of a queue or of its dead letters (`twin_azure.bodies`)."""

    def __init__(
        self, scope: Construct, id_: str, *, foundation: Foundation, name: str, layer: Layer, optional: bool
    ) -> None:
        super().__init__(scope, id_)
        self._purpose = f"keeps_{name}_bodies"
        self._granted: set[contracts.Function] = set()
        container = names.bodies_container(foundation.names, name)
        self.container = foundation.storage.bodies(
            self,
            container,
            address=f"{name}_bodies",
            optional=optional,
            protect=foundation.twin.config.protects(layer),
        )
        self.url = f"{foundation.storage.account['primary_blob_endpoint']}{self.container['name']}"
        foundation.inventory.record(
            facts.Named(address=self.container.address, name=container, value=self.url)
        )

    def grant(self, function: contracts.Function) -> None:
        """Write, read and delete: of Azure's own roles this is the narrowest that writes blobs."""
        if function not in self._granted:
            self._granted.add(function)
            optional = self.container.optional
            grant(function, self._purpose, role=WRITE_BLOBS, at=self.container, optional=optional)
