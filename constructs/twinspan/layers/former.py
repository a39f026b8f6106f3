"""The stores that a layer has left: they stay where they are, with their data, and nothing writes to them."""

from twin_runtime.roles import Layer
from twinspan import outputs
from twinspan.kit import Kit
from twinspan.providers import Construct


def keep_former(stack: Construct, *, kit: Kit) -> None:
    """Place what twin.yaml lists under `former` of this cloud, at the addresses that the layers gave it.

    Each store's construct has the id of its layer, as that of a layer in use has, and by which
    `stackjson.Blocks.layer` says whose a resource without tags is.
    """
    former = kit.twin.topology.former_in(kit.cloud)
    kept = {}
    if Layer.HOT_STORAGE in former:
        kept[Layer.HOT_STORAGE.value] = kit.store(Construct(stack, "hot-storage"), former=True).address
    if files := [layer for layer in (Layer.COLD_STORAGE, Layer.ARCHIVE_STORAGE) if layer in former]:
        address = kit.cold_store(Construct(stack, "cold-storage"), former=True).address
        kept |= {layer.value: address for layer in files}
    outputs.publish(stack, outputs.FORMER, kept)
