"""The stores that a layer has left: they stay where they are, with their data, and nothing writes to them."""

from twin_runtime.roles import Layer
from twinspan import outputs
from twinspan.kit import Kit
from twinspan.providers import Construct


def former_stores(stack: Construct, kit: Kit) -> None:
    """Add what twin.yaml lists under `former` of this cloud, at the addresses that the layers gave it.

    Each is in a construct of its layer's name, which is free: what has no labels is known by it.
    """
    former = kit.twin.topology.former_in(kit.cloud)
    kept = {}
    if Layer.HOT_STORAGE in former:
        scope = Construct(stack, "hot-storage")
        kept[Layer.HOT_STORAGE.value] = kit.store(scope, former=True).address
    if files := [layer for layer in (Layer.COLD_STORAGE, Layer.ARCHIVE_STORAGE) if layer in former]:
        scope = Construct(stack, files[0].replace("_", "-"))
        address = kit.cold_store(scope, former=True).address
        kept |= {layer.value: address for layer in files}
    outputs.publish(stack, outputs.FORMER, kept)
