"""Queues between roles: storage queues, each with the poison queue that the Functions host fills, and a
container of the bodies that are too long for their messages.
"""

from twin_runtime.roles import Layer
from twinspan import alarms, contracts
from twinspan.azure import facts, names
from twinspan.azure.foundation import Foundation
from twinspan.azure.shared.bodies import Bodies
from twinspan.azure.shared.grants import SEND, grant
from twinspan.providers import Construct
from twinspan.providers.azure import StorageQueue
from twinspan.terraform.resources import Ref, place


def _address(queue: Ref, bodies: Bodies, foundation: Foundation) -> str:
    """The queue's URL and that of its bodies. Of the queue's attribute `url` no plan that makes the queue
    knows the value.
    """
    return f"{foundation.storage.account['primary_queue_endpoint']}{queue['name']}?bodies={bodies.url}"


def _queue(scope: Construct, *, foundation: Foundation, name: str, layer: Layer, optional: bool) -> Ref:
    """It has no tags: its type takes none. What is in it is encrypted, as everything in a storage account."""
    queue = StorageQueue(
        scope,
        "queue",
        name=names.queue(foundation.names, name),
        storage_account_id=foundation.storage.account["id"],
    )
    protect = foundation.twin.config.protects(layer)
    return place(queue, name.replace("-", "_"), optional=optional, protect=protect)


class DeadLetterQueue(Construct):
    """A queue of refused messages. `bodies` are also those of the queue that it belongs to, if it does.

    A function's letters stay until someone takes them. Those that the host moves by itself stay as long as it
    decides, which is at least Azure's default of 7 days.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        foundation: Foundation,
        name: str,
        layer: Layer,
        optional: bool = False,
    ) -> None:
        super().__init__(scope, id_)
        self.name = name
        self.optional = optional
        self.queue = _queue(self, foundation=foundation, name=name, layer=layer, optional=optional)
        self.bodies = Bodies(
            self,
            "bodies",
            foundation=foundation,
            name=name.removesuffix(names.DEAD),
            layer=layer,
            optional=optional,
        )
        self.address = self.source = _address(self.queue, self.bodies, foundation)
        queue = names.queue(foundation.names, name)
        foundation.inventory.record(facts.Named(address=self.queue.address, name=queue, value=self.address))
        foundation.monitoring.on_log(
            name.replace("-", "_"),
            name=queue,
            phrase=queue,
            description=alarms.dead_letters(queue, alarms.hop_of(name)),
            layer=layer,
            role=name,
            optional=optional,
        )

    def grant_send(self, function: contracts.Function) -> None:
        purpose = f"sends_{self.name.replace('-', '_')}"
        grant(function, purpose, role=SEND, at=self.queue, optional=self.optional)
        self.bodies.grant(function)


class Queue(Construct):
    """A storage queue with its dead-letter queue."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        foundation: Foundation,
        name: str,
        layer: Layer,
        optional: bool = False,
    ) -> None:
        super().__init__(scope, id_)
        self.name = name
        self.optional = optional
        self.queue = _queue(self, foundation=foundation, name=name, layer=layer, optional=optional)
        self.queue_name = self.queue["name"]
        self.dead_letters = DeadLetterQueue(
            self,
            "dead-letters",
            foundation=foundation,
            name=f"{name}{names.DEAD}",
            layer=layer,
            optional=optional,
        )
        self.bodies = self.dead_letters.bodies
        self.address = _address(self.queue, self.bodies, foundation)
        foundation.inventory.record(
            facts.Queue(
                address=self.queue.address,
                name=names.queue(foundation.names, name),
                value=self.address,
                dead_letters=self.dead_letters.queue.address,
            )
        )

    def grant_send(self, function: contracts.Function) -> None:
        grant(function, f"sends_{self.name}", role=SEND, at=self.queue, optional=self.optional)
        self.bodies.grant(function)
