"""L4: the twin graph, what brings twins and values into it, and its read API."""

from collections.abc import Mapping

from twin_runtime.roles import Layer, Role
from twinspan.kit import Kit
from twinspan.layers.hot_storage import HotStorage
from twinspan.layers.receiver import receiver
from twinspan.providers import Construct


class TwinManagement(Construct):
    """The graph; twin_sync, which keeps its twins; twin_reader when the read API is on.

    twin_sync writes the values too, or twin_connector supplies them on platforms that pull values. `store` is
    None when the hot store is in another cloud, whose hot_reader then returns the values.
    """

    def __init__(self, scope: Construct, id_: str, *, kit: Kit, store: HotStorage | None) -> None:
        super().__init__(scope, id_)
        self.graph = kit.graph(self)
        graph = {"GRAPH": self.graph.address}
        if kit.twin.topology.link("twin").sender is Role.TWIN_CONNECTOR:
            self._feeder(kit, Role.TWIN_CONNECTOR, store, {})
            keeper = kit.function(self, Role.TWIN_SYNC, layer=Layer.TWIN_MANAGEMENT, environment=graph)
            self.graph.feed_from(keeper)
        else:
            self._feeder(kit, Role.TWIN_SYNC, store, graph)
        if kit.twin.topology.is_receiver(Role.TWIN_READER):
            reader, _ = receiver(
                self, Role.TWIN_READER, kit=kit, layer=Layer.TWIN_MANAGEMENT, environment=graph
            )
            self.graph.grant_read(reader)

    def _feeder(self, kit: Kit, role: Role, store: HotStorage | None, environment: Mapping[str, str]) -> None:
        """The role that reads the hot store."""
        link = kit.twin.topology.link_of(role)
        secret = kit.link_secret(self, link, layer=Layer.TWIN_MANAGEMENT) if link else None
        environment = dict(environment)
        if store:
            environment["STORE"] = store.store.address
        if secret:
            environment["LINK_SECRET"] = secret.address
        feeder = kit.function(self, role, layer=Layer.TWIN_MANAGEMENT, environment=environment)
        if store:
            store.store.grant_read(feeder)
        if secret:
            secret.grant_read(feeder)
        self.graph.feed_from(feeder, store=store.store if store else None)
