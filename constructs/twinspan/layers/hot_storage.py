"""L3 hot: the store of the last days, and the ways in and out of its cloud."""

from twin_runtime.roles import Layer, Role
from twinspan.contracts import Endpoint, Secret
from twinspan.kit import Kit
from twinspan.layers.hops import Hop
from twinspan.layers.receiver import receiver
from twinspan.layers.tiers import ColdStorage
from twinspan.providers import Construct


class HotStorage(Construct):
    """The store; a writer when data comes from another cloud; a mover when there is a cold tier; a hot_reader
    when something reads over HTTPS.

    `cold` is None when the cold tier is in another cloud, or there is none.
    """

    reader: Endpoint | None
    """Where hot_reader is reached; None when nobody needs it."""

    def __init__(self, scope: Construct, id_: str, *, kit: Kit, cold: ColdStorage | None) -> None:
        super().__init__(scope, id_)
        self.store = kit.store(self)
        self.hops: list[Hop] = []
        topology = kit.twin.topology
        if topology.is_receiver(Role.WRITER):
            self._writer(kit)
        link = topology.link_of(Role.COLD_MOVER)
        secret = kit.link_secret(self, link, layer=Layer.HOT_STORAGE) if link else None
        if Role.COLD_MOVER in topology.roles:
            self._mover(kit, cold, secret)
        self.reader = None
        if topology.is_receiver(Role.HOT_READER):
            self.reader = self._hot_reader(kit, cold, secret)

    def _writer(self, kit: Kit) -> None:
        dead_letters = kit.dead_letters(self, "writing-dead", layer=Layer.HOT_STORAGE)
        writer, _ = receiver(
            self,
            Role.WRITER,
            kit=kit,
            layer=Layer.HOT_STORAGE,
            environment={"STORE": self.store.address, "DEAD_LETTER_QUEUE": dead_letters.address},
        )
        self.store.grant_write(writer)
        dead_letters.grant_send(writer)
        self.hops.append(
            Hop(name="writing", kind="store", letters=dead_letters.source, target=self.store.address)
        )

    def _mover(self, kit: Kit, cold: ColdStorage | None, secret: Secret | None) -> None:
        environment = {"STORE": self.store.address}
        if self.store.expiry:
            environment["EXPIRY"] = self.store.expiry
        if cold:
            environment["COLD_STORE"] = cold.store.address
        if secret:
            environment["LINK_SECRET"] = secret.address
        mover = kit.function(self, Role.COLD_MOVER, layer=Layer.HOT_STORAGE, environment=environment)
        self.store.grant_move(mover)
        if cold:
            cold.store.grant_write(mover)
        if secret:
            secret.grant_read(mover)

    def _hot_reader(self, kit: Kit, cold: ColdStorage | None, secret: Secret | None) -> Endpoint:
        topology = kit.twin.topology
        environment = {"STORE": self.store.address}
        if cold:
            environment["COLD_STORE"] = cold.store.address
        if secret:
            environment["COLD_LINK_SECRET"] = secret.address
        if any(link.by_key and link.receiver is Role.HOT_READER for link in topology.links):
            environment["API_KEY_READS"] = "true"
        hot_reader, endpoint = receiver(
            self,
            Role.HOT_READER,
            kit=kit,
            layer=Layer.HOT_STORAGE,
            environment=environment,
        )
        self.store.grant_read(hot_reader)
        if cold:
            cold.store.grant_read(hot_reader)
        if secret:
            secret.grant_read(hot_reader)
        return endpoint
