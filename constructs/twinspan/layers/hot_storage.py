"""L3 hot: the store of the last days, and the ways in and out of its cloud."""

from twinspan.kit import Kit
from twinspan.layers.hops import Hop
from twinspan.layers.receiver import receiver
from twinspan.providers import Construct
from twinspan.vocabulary import Layer, Role


class HotStorage(Construct):
    """The store; a writer when data comes from another cloud; a hot_reader when the read API is on."""

    def __init__(self, scope: Construct, id_: str, *, kit: Kit) -> None:
        super().__init__(scope, id_)
        self.store = kit.store(self)
        self.hops: list[Hop] = []
        if kit.twin.topology.is_receiver(Role.WRITER):
            self._writer(kit)
        if kit.twin.topology.is_receiver(Role.HOT_READER):
            self._hot_reader(kit)

    def _writer(self, kit: Kit) -> None:
        dead_letters = kit.dead_letters(self, "writing-dead", layer=Layer.HOT_STORAGE)
        writer = receiver(
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

    def _hot_reader(self, kit: Kit) -> None:
        hot_reader = receiver(
            self,
            Role.HOT_READER,
            kit=kit,
            layer=Layer.HOT_STORAGE,
            environment={"STORE": self.store.address},
        )
        self.store.grant_read(hot_reader)
