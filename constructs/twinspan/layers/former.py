"""The stores that a layer has left: they stay where they are, with their data, and nothing writes to them."""

from twin_runtime.roles import Layer
from twinspan import outputs
from twinspan.kit import Kit
from twinspan.providers import Construct


class FormerStores(Construct):
    """What twin.yaml lists under `former` of this cloud, at the addresses that the layers gave it."""

    def __init__(self, scope: Construct, id_: str, *, kit: Kit) -> None:
        super().__init__(scope, id_)
        former = kit.twin.topology.former_in(kit.cloud)
        kept = {}
        if Layer.HOT_STORAGE in former:
            kept[Layer.HOT_STORAGE.value] = kit.store(self, former=True).address
        if files := [layer for layer in (Layer.COLD_STORAGE, Layer.ARCHIVE_STORAGE) if layer in former]:
            address = kit.cold_store(self, former=True).address
            kept |= {layer.value: address for layer in files}
        outputs.publish(scope, outputs.FORMER, kept)
