"""The cold tier: an S3 bucket whose rules also archive, where the archive is in this cloud."""

from twin_runtime.roles import Layer
from twinspan.aws.foundation import Foundation
from twinspan.aws.tiers import Bucket
from twinspan.lifecycle import Lifecycle
from twinspan.providers import Construct

STORAGE_CLASS = "STANDARD_IA"


class ColdStore(Bucket):
    """Files of events that left the hot store."""

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation) -> None:
        super().__init__(
            scope,
            id_,
            foundation=foundation,
            layer=Layer.COLD_STORAGE,
            storage_class=STORAGE_CLASS,
            lifecycle=Lifecycle.of_cold(foundation.twin),
        )
