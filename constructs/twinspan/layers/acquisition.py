"""L1: from the broker into the `processing` queue, and on to the processor or to another cloud."""

from twin_runtime.roles import Layer, Role
from twinspan import outputs
from twinspan.contracts import Broker, Queue
from twinspan.kit import Kit
from twinspan.layers.hops import Hop
from twinspan.layers.processing import Processing
from twinspan.providers import Construct


class Acquisition(Construct):
    """Broker → dispatcher → `processing` queue.

    `processing` is None when L2 is in another cloud: the queue is then this layer's own, and the connector
    consumes it in the processor's place.
    """

    def __init__(
        self, scope: Construct, id_: str, *, kit: Kit, broker: Broker, processing: Processing | None
    ) -> None:
        super().__init__(scope, id_)
        self.hops: list[Hop] = []
        if processing:
            queue = processing.queue
        else:
            queue = kit.queue(self, "processing", layer=Layer.ACQUISITION)
            self._connector(kit, queue)
            self.hops.append(Hop.of("processing", queue))
        self._dispatcher(kit, broker, queue)
        outputs.publish(self, outputs.BROKER, broker.endpoint)

    def _dispatcher(self, kit: Kit, broker: Broker, queue: Queue) -> None:
        dead_letters = kit.dead_letters(self, "telemetry-dead", layer=Layer.ACQUISITION)
        dispatcher = kit.function(
            self,
            Role.DISPATCHER,
            layer=Layer.ACQUISITION,
            environment={
                "PROCESSING_QUEUE": queue.address,
                "DEAD_LETTER_QUEUE": dead_letters.address,
                **broker.dispatcher_environment,
            },
        )
        queue.grant_send(dispatcher)
        dead_letters.grant_send(dispatcher)
        undelivered = broker.deliver_to(dispatcher, dead_letters=dead_letters)
        more = {name.lower(): value for name, value in broker.dispatcher_environment.items()}
        for name, letters in (("telemetry", dead_letters.source), ("broker", undelivered)):
            if letters is not None:
                self.hops.append(
                    Hop(name=name, kind="dispatcher", letters=letters, target=queue.address, more=more)
                )

    def _connector(self, kit: Kit, queue: Queue) -> None:
        link = kit.twin.topology.link("telemetry")
        secret = kit.link_secret(self, link, layer=Layer.ACQUISITION)
        connector = kit.function(
            self,
            Role.CONNECTOR,
            layer=Layer.ACQUISITION,
            environment={"LINK_SECRET": secret.address, "DEAD_LETTER_QUEUE": queue.dead_letters.address},
            source=queue,
        )
        secret.grant_read(connector)
        queue.dead_letters.grant_send(connector)
