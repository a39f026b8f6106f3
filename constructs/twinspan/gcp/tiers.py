"""The cold and the archive tier: Cloud Storage buckets. The cold one archives by rule where both are here."""

from twin_runtime.roles import Cloud, Layer
from twinspan import contracts
from twinspan.gcp import names
from twinspan.gcp.foundation import Foundation
from twinspan.lifecycle import EVENTS, PARTS, PARTS_DAYS, UNDELETE_DAYS, Lifecycle
from twinspan.providers import Construct
from twinspan.providers.gcp import (
    StorageBucket,
    StorageBucketIamMember,
    StorageBucketLifecycleRule,
    StorageBucketLifecycleRuleAction,
    StorageBucketLifecycleRuleCondition,
    StorageBucketSoftDeletePolicy,
)
from twinspan.terraform.resources import place

COLD_CLASS = "NEARLINE"
ARCHIVE_CLASS = "ARCHIVE"
READ, WRITE = "roles/storage.objectViewer", "roles/storage.objectUser"
_DAY = 86_400
_AT_ONCE = 1
"""The provider sends an age of 0 days only on request."""


class Bucket(Construct):
    """The bucket of files that are never changed, in the twin's region, encrypted by Google, closed to the
    public.

    It is the same one, by name and address, whether this cloud holds the cold tier, the archive or both: when
    one of the two moves away, Terraform changes the bucket, and the files of the other stay where they are.

    What is deleted, or written over, can be brought back for UNDELETE_DAYS.

    Where its layer is protected, nothing empties it: Google deletes no bucket that contains a file, and
    `force_destroy` is off.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        foundation: Foundation,
        layer: Layer,
        storage_class: str,
        lifecycle: Lifecycle,
    ) -> None:
        super().__init__(scope, id_)
        self._foundation = foundation
        protect = foundation.protects(layer)
        name = names.bucket(foundation.twin.names, names.FILES)
        bucket = StorageBucket(
            self,
            "bucket",
            name=name,
            location=foundation.region.upper(),  # the API answers in capitals
            storage_class=storage_class,
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            soft_delete_policy=StorageBucketSoftDeletePolicy(retention_duration_seconds=UNDELETE_DAYS * _DAY),
            lifecycle_rule=self._rules(lifecycle),
            force_destroy=not protect,
            labels=foundation.twin.labels(layer, "store"),
            depends_on=foundation.ready,
        )
        self._bucket = foundation.inventory.part(place(bucket, names.FILES, protect=protect), name)
        self.address = f"gs://{self._bucket['name']}"

    def grant_read(self, function: contracts.Function) -> None:
        self._grant(function, READ)

    def grant_write(self, function: contracts.Function) -> None:
        self._grant(function, WRITE)

    def _rules(self, lifecycle: Lifecycle) -> list[StorageBucketLifecycleRule]:
        """Google bills Nearline for 30 days at least and Archive for 365, whenever a file is deleted."""
        rules = [
            StorageBucketLifecycleRule(
                condition=StorageBucketLifecycleRuleCondition(
                    age=lifecycle.delete_after, matches_prefix=[EVENTS]
                ),
                action=StorageBucketLifecycleRuleAction(type="Delete"),
            ),
            StorageBucketLifecycleRule(
                condition=StorageBucketLifecycleRuleCondition(age=PARTS_DAYS, matches_prefix=[PARTS]),
                action=StorageBucketLifecycleRuleAction(type="Delete"),
            ),
        ]
        if lifecycle.archive_after is not None:
            archive = StorageBucketLifecycleRule(
                condition=StorageBucketLifecycleRuleCondition(
                    age=max(lifecycle.archive_after, _AT_ONCE), matches_prefix=[EVENTS]
                ),
                action=StorageBucketLifecycleRuleAction(type="SetStorageClass", storage_class=ARCHIVE_CLASS),
            )
            rules.insert(0, archive)
        return rules

    def _grant(self, function: contracts.Function, role: str) -> None:
        member = StorageBucketIamMember(
            self,
            f"grant-{function.role}",
            bucket=self._bucket["name"],
            role=role,
            member=self._foundation.member(function),
        )
        placed = place(member, f"{names.FILES}_{function.role}", optional=function.optional)
        self._foundation.inventory.grant(placed, to=function.role, may=role, on=self._bucket)


class ColdStore(Bucket):
    """Files of events that left the hot store. A former one keeps the labels and the class of its tier."""

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation, former: bool = False) -> None:
        rules = Lifecycle.of_former if former else Lifecycle.of_cold
        archive_alone = former and Layer.COLD_STORAGE not in foundation.twin.topology.former_in(Cloud.GCP)
        super().__init__(
            scope,
            id_,
            foundation=foundation,
            layer=Layer.ARCHIVE_STORAGE if archive_alone else Layer.COLD_STORAGE,
            storage_class=ARCHIVE_CLASS if archive_alone else COLD_CLASS,
            lifecycle=rules(foundation.twin),
        )


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
