"""The archive tier of a twin whose cold tier is in another cloud: a blob container."""

from twin_runtime.roles import Layer
from twinspan.azure.foundation import Foundation
from twinspan.azure.tiers import Bucket
from twinspan.lifecycle import Lifecycle
from twinspan.providers import Construct

STORAGE_CLASS = "Archive"


class ArchiveStore(Bucket):
    """Files of events that left the cold tier, each written in the archive's tier."""

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation) -> None:
        super().__init__(
            scope,
            id_,
            foundation=foundation,
            layer=Layer.ARCHIVE_STORAGE,
            storage_class=STORAGE_CLASS,
            lifecycle=Lifecycle.of_archive(foundation.twin),
        )
