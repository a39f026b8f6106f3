"""L2: the user's code on every event, and the way to the hot store."""

from twin_runtime.roles import Layer, Role
from twinspan.contracts import Queue
from twinspan.kit import Kit
from twinspan.layers.events import EventCheck
from twinspan.layers.hops import Hop
from twinspan.layers.hot_storage import HotStorage
from twinspan.layers.receiver import receiver
from twinspan.providers import Construct


class Processing(Construct):
    """`processing` queue → processor → `persisting` queue → persister → store, here or behind a remote
    writer.

    When the telemetry comes from another cloud, ingestion receives it and fills the `processing` queue.
    `store` is None when the hot store is in another cloud. After storing, the persister forwards events to
    `events`, if that is on.
    """

    def __init__(
        self, scope: Construct, id_: str, *, kit: Kit, store: HotStorage | None, events: EventCheck
    ) -> None:
        super().__init__(scope, id_)
        self.queue: Queue = kit.queue(self, "processing", layer=Layer.PROCESSING)
        if kit.twin.topology.is_receiver(Role.INGESTION):
            self._ingestion(kit)
        persisting = kit.queue(self, "persisting", layer=Layer.PROCESSING)
        self.hops = [Hop.of("processing", self.queue), Hop.of("persisting", persisting)]
        self._processor(kit, persisting)
        self._persister(kit, persisting, store, events)

    def _ingestion(self, kit: Kit) -> None:
        dead_letters = self.queue.dead_letters
        ingestion, _ = receiver(
            self,
            Role.INGESTION,
            kit=kit,
            layer=Layer.PROCESSING,
            environment={"PROCESSING_QUEUE": self.queue.address, "DEAD_LETTER_QUEUE": dead_letters.address},
        )
        self.queue.grant_send(ingestion)
        dead_letters.grant_send(ingestion)

    def _processor(self, kit: Kit, persisting: Queue) -> None:
        dead_letters = self.queue.dead_letters
        processor = kit.function(
            self,
            Role.PROCESSOR,
            layer=Layer.PROCESSING,
            environment={"PERSISTING_QUEUE": persisting.address, "DEAD_LETTER_QUEUE": dead_letters.address},
            source=self.queue,
        )
        persisting.grant_send(processor)
        dead_letters.grant_send(processor)

    def _persister(self, kit: Kit, persisting: Queue, store: HotStorage | None, events: EventCheck) -> None:
        link = kit.twin.topology.link_of(Role.PERSISTER)
        secret = kit.link_secret(self, link, layer=Layer.PROCESSING) if link else None
        environment = {
            "EVENTS_QUEUE": events.queue.address,
            "DEAD_LETTER_QUEUE": persisting.dead_letters.address,
        }
        if store:
            environment["STORE"] = store.store.address
        if secret:
            environment["LINK_SECRET"] = secret.address
        persister = kit.function(
            self, Role.PERSISTER, layer=Layer.PROCESSING, environment=environment, source=persisting
        )
        persisting.dead_letters.grant_send(persister)
        events.queue.grant_send(persister)
        if store:
            store.store.grant_write(persister)
        if secret:
            secret.grant_read(persister)
