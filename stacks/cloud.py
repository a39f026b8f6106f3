"""The layers of one cloud, each given what it sends to, hence in the order back from L3; and where their dead
letters are.
"""

from twinspan.kit import Kit
from twinspan.layers import hops
from twinspan.layers.acquisition import Acquisition
from twinspan.layers.events import EventCheck, EventFeedback
from twinspan.layers.hot_storage import HotStorage
from twinspan.layers.processing import Processing
from twinspan.providers import Construct
from twinspan.vocabulary import Layer


def lay_out(stack: Construct, kit: Kit) -> None:
    """Build L1, L2 and L3 into a stack, as far as the kit's cloud holds them."""
    here = kit.twin.topology.layers_in(kit.cloud)

    store = HotStorage(stack, "hot-storage", kit=kit) if Layer.HOT_STORAGE in here else None

    broker = kit.broker(stack) if Layer.ACQUISITION in here else None
    feedback = EventFeedback(stack, "event-feedback", kit=kit, broker=broker) if broker else None

    processing = events = None
    if Layer.PROCESSING in here:
        events = EventCheck(stack, "event-check", kit=kit, feedback=feedback)
        processing = Processing(stack, "processing", kit=kit, store=store, events=events)

    acquisition = (
        Acquisition(stack, "acquisition", kit=kit, broker=broker, processing=processing) if broker else None
    )
    layers = (acquisition, processing, store, events, feedback)
    hops.publish(stack, [hop for layer in layers if layer for hop in layer.hops])
