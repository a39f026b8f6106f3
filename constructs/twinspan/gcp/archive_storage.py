"""The archive tier of a twin whose cold tier is in another cloud: the Cloud Storage bucket."""

from twin_runtime.roles import Layer
from twinspan.gcp.foundation import Foundation
from twinspan.gcp.tiers import ARCHIVE_CLASS, Bucket
from twinspan.lifecycle import Lifecycle
from twinspan.providers import Construct


class ArchiveStore(Bucket):
    """Files of events that left the cold tier, each written in the archive's class. A rule gives the class to
    those that are still there from a time when the cold tier was here too.
    """

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation) -> None:
        super().__init__(
            scope,
            id_,
            foundation=foundation,
            layer=Layer.ARCHIVE_STORAGE,
            storage_class=ARCHIVE_CLASS,
            lifecycle=Lifecycle.of_archive(foundation.twin),
        )
