"""The layers of one cloud, each given what it sends to or reads from; where dead letters and data are."""

from twin_runtime.roles import Layer, Role
from twinspan.kit import Kit
from twinspan.layers import device_values, hops, tier_outputs
from twinspan.layers.acquisition import Acquisition
from twinspan.layers.events import EventCheck, EventFeedback
from twinspan.layers.former import former_stores
from twinspan.layers.hot_storage import HotStorage
from twinspan.layers.processing import Processing
from twinspan.layers.tiers import ArchiveStorage, ColdStorage
from twinspan.layers.twin_management import TwinManagement
from twinspan.layers.visualization import Visualization
from twinspan.providers import Construct


def lay_out(stack: Construct, kit: Kit) -> None:
    """Build L1 to L5 into a stack, as far as the kit's cloud holds them."""
    topology = kit.twin.topology
    here = topology.layers_in(kit.cloud)

    archive = None
    if Layer.ARCHIVE_STORAGE in here and topology.is_receiver(Role.ARCHIVE_WRITER):
        archive = ArchiveStorage(stack, "archive-storage", kit=kit)
    cold = ColdStorage(stack, "cold-storage", kit=kit) if Layer.COLD_STORAGE in here else None
    store = HotStorage(stack, "hot-storage", kit=kit, cold=cold) if Layer.HOT_STORAGE in here else None

    management = None
    if Layer.TWIN_MANAGEMENT in here:
        management = TwinManagement(stack, "twin-management", kit=kit, store=store)
    if Layer.VISUALIZATION in here:
        Visualization(stack, "visualization", kit=kit, store=store)

    if topology.former_in(kit.cloud):
        former_stores(stack, kit)

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
    tier_outputs.publish(stack, kit=kit, hot=store, cold=cold, archive=archive)
    device_values.publish(stack, kit=kit, management=management, events=events)
