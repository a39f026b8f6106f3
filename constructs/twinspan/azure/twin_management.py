"""L4: the twin graph, in Azure Digital Twins."""

from twin_runtime.roles import Layer
from twinspan import contracts
from twinspan.azure import facts, names
from twinspan.azure.foundation import Foundation
from twinspan.azure.functions import Function
from twinspan.azure.hot_storage import Store
from twinspan.azure.shared.grants import KEEP_TWINS, READ_TWINS, grant
from twinspan.azure.shared.lock import Lock
from twinspan.providers import Construct
from twinspan.providers.azure import DigitalTwinsInstance
from twinspan.terraform.resources import place


class Graph(Construct):
    """An instance of the twin's own. Models, twins and relationships are twin_sync's: the provider has no
    type for them.
    """

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation) -> None:
        super().__init__(scope, id_)
        self._foundation = foundation
        layer = Layer.TWIN_MANAGEMENT
        name = names.worldwide(foundation.names, names.GRAPH)
        instance = DigitalTwinsInstance(
            self,
            "instance",
            name=name,
            resource_group_name=foundation.group,
            location=foundation.location,
            tags=foundation.labels(layer, names.GRAPH),
        )
        self._instance = place(instance, names.GRAPH, protect=foundation.twin.config.protects(layer))
        Lock(self, "kept", group=foundation, on=self._instance, name=names.GRAPH, layer=layer)
        self.address = f"https://{self._instance['host_name']}"
        foundation.inventory.record(
            facts.Named(address=self._instance.address, name=name, value=self.address)
        )

    def feed_from(self, function: contracts.Function, *, store: contracts.Store | None = None) -> None:
        """It writes the graph, and gets each row from the store within seconds of its writing."""
        self._grant(function, "keeps_graph", KEEP_TWINS)
        if store:
            contracts.own(store, Store).hand_changes_to(contracts.own(function, Function))

    def grant_read(self, function: contracts.Function) -> None:
        self._grant(function, "reads_graph", READ_TWINS)

    def _grant(self, function: contracts.Function, purpose: str, role: str) -> None:
        grant(function, purpose, role=role, at=self._instance, scope=self._foundation.group_id)
