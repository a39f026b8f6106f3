"""The output `storage_tiers` of a stack, which `twinspan restore` reads."""

from twin_runtime.roles import Layer
from twinspan import outputs
from twinspan.kit import Kit
from twinspan.layers.hot_storage import HotStorage
from twinspan.layers.tiers import ArchiveStorage, ColdStorage
from twinspan.providers import Construct


def publish(
    scope: Construct,
    *,
    kit: Kit,
    hot: HotStorage | None,
    cold: ColdStorage | None,
    archive: ArchiveStorage | None,
) -> None:
    """Add the output: each tier's cloud and address. A bucket whose rules archive is both tiers."""
    archived_here = kit.twin.topology.layers.get(Layer.ARCHIVE_STORAGE) is kit.cloud
    stores = {
        "hot": hot.store if hot else None,
        "cold": cold.store if cold else None,
        "archive": archive.store if archive else cold.store if cold and archived_here else None,
    }
    value = {
        tier: {"cloud": kit.cloud.value, "address": store.address} for tier, store in stores.items() if store
    }
    outputs.publish(scope, outputs.TIERS, value)
