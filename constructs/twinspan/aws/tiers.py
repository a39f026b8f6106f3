"""The cold and the archive tier: S3 buckets. The cold one archives by rule where both are here."""

from twin_runtime.roles import Cloud, Layer
from twinspan import contracts
from twinspan.aws import names
from twinspan.aws.foundation import Foundation
from twinspan.aws.shared.buckets import ClosedBucket
from twinspan.aws.shared.grants import grant
from twinspan.aws.shared.policies import allow
from twinspan.lifecycle import EVENTS, PARTS, PARTS_DAYS, UNDELETE_DAYS, Lifecycle
from twinspan.providers import Construct
from twinspan.providers.aws import (
    S3BucketLifecycleConfiguration,
    S3BucketLifecycleConfigurationRule,
    S3BucketLifecycleConfigurationRuleAbortIncompleteMultipartUpload,
    S3BucketLifecycleConfigurationRuleExpiration,
    S3BucketLifecycleConfigurationRuleFilter,
    S3BucketLifecycleConfigurationRuleNoncurrentVersionExpiration,
    S3BucketLifecycleConfigurationRuleTransition,
)
from twinspan.terraform.resources import Ref, place

COLD_CLASS = "STANDARD_IA"
ARCHIVE_CLASS = "DEEP_ARCHIVE"


class Bucket(ClosedBucket):
    """The S3 bucket of a twin's files, which are never changed.

    The cold and the archive tier have the same one, whether both are in AWS or one of them: files that are
    archived in it stay when the other tier moves to another cloud.

    It is versioned for one reason: what is deleted, by whom or what ever, can be brought back for
    UNDELETE_DAYS. Functions may not delete a version.
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
        super().__init__(scope, id_, foundation=foundation, layer=layer, name=names.FILES)
        self.address = f"s3://{self.bucket['bucket']}?class={storage_class}"
        self._expire(lifecycle, self.versioning)

    def grant_read(self, function: contracts.Function) -> None:
        self._grant(function, "read", "s3:GetObject")

    def grant_write(self, function: contracts.Function) -> None:
        self._grant(function, "write", "s3:GetObject", "s3:PutObject", "s3:DeleteObject")

    def _grant(self, function: contracts.Function, purpose: str, *actions: str) -> None:
        # Without the list a file that is not there is refused as forbidden.
        lists = allow("s3:ListBucket", on=[self.bucket["arn"]])
        grant(
            function,
            f"{purpose}-{self._name}",
            lists,
            allow(*actions, on=[f"{self.bucket['arn']}/*"]),
            about=self.bucket,
        )

    def _expire(self, lifecycle: Lifecycle, versioning: Ref) -> None:
        """AWS bills STANDARD_IA for 30 days at least and DEEP_ARCHIVE for 180, whenever a file is deleted.

        By default S3 would leave files below 128 KB where they are; those of a small fleet are smaller.
        """
        transition = (
            S3BucketLifecycleConfigurationRuleTransition(
                days=lifecycle.archive_after, storage_class=ARCHIVE_CLASS
            )
            if lifecycle.archive_after
            else None
        )
        rules = [
            S3BucketLifecycleConfigurationRule(
                id="events",
                status="Enabled",
                filter=[S3BucketLifecycleConfigurationRuleFilter(prefix=EVENTS)],
                transition=[transition] if transition else None,
                expiration=[S3BucketLifecycleConfigurationRuleExpiration(days=lifecycle.delete_after)],
            ),
            S3BucketLifecycleConfigurationRule(
                id="parts",
                status="Enabled",
                filter=[S3BucketLifecycleConfigurationRuleFilter(prefix=PARTS)],
                expiration=[S3BucketLifecycleConfigurationRuleExpiration(days=PARTS_DAYS)],
            ),
            S3BucketLifecycleConfigurationRule(
                id="deleted",
                status="Enabled",
                filter=[S3BucketLifecycleConfigurationRuleFilter(prefix="")],
                expiration=[S3BucketLifecycleConfigurationRuleExpiration(expired_object_delete_marker=True)],
                noncurrent_version_expiration=[
                    S3BucketLifecycleConfigurationRuleNoncurrentVersionExpiration(
                        noncurrent_days=UNDELETE_DAYS
                    )
                ],
                abort_incomplete_multipart_upload=[
                    S3BucketLifecycleConfigurationRuleAbortIncompleteMultipartUpload(
                        days_after_initiation=PARTS_DAYS
                    )
                ],
            ),
        ]
        configuration = S3BucketLifecycleConfiguration(
            self,
            "lifecycle",
            bucket=self.bucket["id"],
            rule=rules,
            transition_default_minimum_object_size="varies_by_storage_class",
        )
        # A rule on versions wants them to be there.
        configuration.add_override("depends_on", [versioning.address])
        place(configuration, self._name)


class ColdStore(Bucket):
    """Files of events that left the hot store. A former one is tagged as the tier it was."""

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation, former: bool = False) -> None:
        rules = Lifecycle.of_former if former else Lifecycle.of_cold
        archive_alone = former and Layer.COLD_STORAGE not in foundation.twin.topology.former_in(Cloud.AWS)
        super().__init__(
            scope,
            id_,
            foundation=foundation,
            layer=Layer.ARCHIVE_STORAGE if archive_alone else Layer.COLD_STORAGE,
            storage_class=COLD_CLASS,
            lifecycle=rules(foundation.twin),
        )


class ArchiveStore(Bucket):
    """Files of events that left the cold tier, each written in the archive's class."""

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation) -> None:
        super().__init__(
            scope,
            id_,
            foundation=foundation,
            layer=Layer.ARCHIVE_STORAGE,
            storage_class=ARCHIVE_CLASS,
            lifecycle=Lifecycle.of_archive(foundation.twin),
        )
