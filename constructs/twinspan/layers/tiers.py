"""L3 cold and archive: files of older data, and the functions that move them on."""

from twin_runtime.roles import Layer, Role
from twinspan.kit import Kit
from twinspan.layers.receiver import receiver
from twinspan.providers import Construct


class ArchiveStorage(Construct):
    """The archive of a twin whose cold tier is in another cloud, behind a writer."""

    def __init__(self, scope: Construct, id_: str, *, kit: Kit) -> None:
        super().__init__(scope, id_)
        self.store = kit.archive_store(self)
        writer, _ = receiver(
            self,
            Role.ARCHIVE_WRITER,
            kit=kit,
            layer=Layer.ARCHIVE_STORAGE,
            environment={"ARCHIVE_STORE": self.store.address},
        )
        self.store.grant_write(writer)


class ColdStorage(Construct):
    """The cold tier; a writer when the hot store is in another cloud; a mover when the archive is.

    Where the archive is in this cloud, lifecycle rules of the store move its files there.
    """

    def __init__(self, scope: Construct, id_: str, *, kit: Kit) -> None:
        super().__init__(scope, id_)
        self.store = kit.cold_store(self)
        if kit.twin.topology.is_receiver(Role.COLD_WRITER):
            writer, _ = receiver(
                self,
                Role.COLD_WRITER,
                kit=kit,
                layer=Layer.COLD_STORAGE,
                environment={"COLD_STORE": self.store.address},
            )
            self.store.grant_write(writer)
        if link := kit.twin.topology.link_of(Role.ARCHIVE_MOVER):
            secret = kit.link_secret(self, link, layer=Layer.COLD_STORAGE)
            mover = kit.function(
                self,
                Role.ARCHIVE_MOVER,
                layer=Layer.COLD_STORAGE,
                environment={"COLD_STORE": self.store.address, "LINK_SECRET": secret.address},
            )
            self.store.grant_write(mover)
            secret.grant_read(mover)
