"""How many events travel together: in a message, in a call and in a request, hop by hop."""

from dataclasses import dataclass
from decimal import Decimal

from guides.prices.usage import Usage
from twin_runtime.roles import Cloud, Layer
from twinspan.topology import Topology

MAX_EVENTS_PER_MESSAGE = 100


@dataclass(frozen=True, slots=True)
class Carried:
    """Events in a device's message, in one of the queue that the dispatcher fills, in a request of the
    telemetry link, in a message of the queues `processing` and `persisting`, and in what the persister stores
    at a time.
    """

    device: Decimal
    dispatched: Decimal
    linked: Decimal
    processing: Decimal
    persisting: Decimal
    stored: Decimal


def carried(topology: Topology, usage: Usage) -> Carried:
    """Of a twin: it depends on the clouds of L1 and L2 alone."""
    l1, l2 = topology.layers[Layer.ACQUISITION], topology.layers[Layer.PROCESSING]
    device = usage.events_per_message
    # On AWS and Google Cloud each message is a call; on Azure those that come side by side are put together.
    dispatched = gather(l1, device, usage) if l1 is Cloud.AZURE else device
    linked = gather(l1, dispatched, usage)
    processing = dispatched if l1 is l2 else linked
    # The processor takes one message at a time, but from SQS, which hands over batches.
    persisting = gather(l2, processing, usage) if l2 is Cloud.AWS else processing
    return Carried(device, dispatched, linked, processing, persisting, gather(l2, persisting, usage))


def gather(cloud: Cloud, events: Decimal, usage: Usage) -> Decimal:
    """Events in a batch that a cloud makes of messages with so many."""
    return min(max(events, usage.gathered[cloud]), Decimal(MAX_EVENTS_PER_MESSAGE))
