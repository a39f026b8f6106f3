"""The idempotency store: which executions were started, as Workflows takes no name for an execution."""

from twin_runtime.roles import Layer
from twinspan import contracts
from twinspan.gcp import names
from twinspan.gcp.foundation import Foundation
from twinspan.gcp.tiers import WRITE
from twinspan.providers import Construct
from twinspan.providers.gcp import (
    StorageBucket,
    StorageBucketIamMember,
    StorageBucketLifecycleRule,
    StorageBucketLifecycleRuleAction,
    StorageBucketLifecycleRuleCondition,
    StorageBucketSoftDeletePolicy,
)
from twinspan.sizing import IDEMPOTENCY_DAYS
from twinspan.terraform.resources import place


class IdempotencyStore(Construct):
    """A bucket, whose rule deletes a record after IDEMPOTENCY_DAYS; what is deleted is gone at once."""

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation) -> None:
        super().__init__(scope, id_)
        self._foundation = foundation
        name = names.bucket(foundation.twin.names, names.IDEMPOTENCY)
        bucket = StorageBucket(
            self,
            "bucket",
            name=name,
            location=foundation.region.upper(),  # the API answers in capitals
            storage_class="STANDARD",
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            soft_delete_policy=StorageBucketSoftDeletePolicy(retention_duration_seconds=0),
            lifecycle_rule=[
                StorageBucketLifecycleRule(
                    condition=StorageBucketLifecycleRuleCondition(age=IDEMPOTENCY_DAYS),
                    action=StorageBucketLifecycleRuleAction(type="Delete"),
                )
            ],
            force_destroy=True,  # switching the event system off removes it with its records
            labels=foundation.twin.labels(Layer.PROCESSING, names.IDEMPOTENCY),
            depends_on=foundation.ready,
        )
        self._bucket = foundation.inventory.part(place(bucket, names.IDEMPOTENCY, optional=True), name)
        self.address = f"gs://{name}"

    def grant_write(self, function: contracts.Function) -> None:
        """Read, write and replace its records: writing over an object takes the permission to delete it."""
        member = StorageBucketIamMember(
            self,
            f"grant-{function.role}",
            bucket=self._bucket["name"],
            role=WRITE,
            member=self._foundation.member(function),
        )
        placed = place(member, f"{names.IDEMPOTENCY}_{function.role}", optional=True)
        self._foundation.inventory.grant(placed, to=function.role, may=WRITE, on=self._bucket)
