"""What all S3 buckets of a twin have in common."""

from twin_runtime.roles import Layer
from twinspan.aws import names
from twinspan.aws.foundation import Foundation
from twinspan.aws.shared.policies import document
from twinspan.providers import Construct
from twinspan.providers.aws import (
    S3Bucket,
    S3BucketOwnershipControls,
    S3BucketOwnershipControlsRule,
    S3BucketPolicy,
    S3BucketPublicAccessBlock,
    S3BucketServerSideEncryptionConfigurationA,
    S3BucketServerSideEncryptionConfigurationRuleA,
    S3BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultA,
    S3BucketVersioningA,
    S3BucketVersioningVersioningConfiguration,
)
from twinspan.terraform.resources import Ref, place


class ClosedBucket(Construct):
    """An S3 bucket, encrypted, versioned, closed to the public and to plain HTTP.

    While it is protected `force_destroy` is off: S3 deletes no bucket that holds a file, or an old version of
    one. Without protection Terraform empties the bucket first, so that a trial ends with one command.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        foundation: Foundation,
        layer: Layer,
        name: str,
        role: str = "store",
    ) -> None:
        super().__init__(scope, id_)
        self._name = name
        protected = foundation.protects(layer)
        bucket = S3Bucket(
            self,
            "bucket",
            bucket=names.bucket(foundation.twin.names, name, account=foundation.account),
            force_destroy=not protected,
            tags=foundation.labels(layer, role),
        )
        self.bucket = place(bucket, name, protect=protected)
        self._close()
        self._encrypt()
        self.versioning = self._version()

    def _close(self) -> None:
        bucket, name = self.bucket["id"], self._name
        owner = S3BucketOwnershipControls(
            self,
            "ownership",
            bucket=bucket,
            rule=S3BucketOwnershipControlsRule(object_ownership="BucketOwnerEnforced"),
        )
        place(owner, name)
        block = S3BucketPublicAccessBlock(
            self,
            "public-access",
            bucket=bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
        )
        blocked = place(block, name)
        arn = self.bucket["arn"]
        tls_only = document(
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arn, f"{arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        )
        policy = S3BucketPolicy(self, "policy", bucket=bucket, policy=tls_only)
        policy.add_override("depends_on", [blocked.address])  # S3 refuses both changes at a time
        place(policy, name)

    def _encrypt(self) -> None:
        by_default = S3BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultA(
            sse_algorithm="AES256"
        )
        encryption = S3BucketServerSideEncryptionConfigurationA(
            self,
            "encryption",
            bucket=self.bucket["id"],
            rule=[
                S3BucketServerSideEncryptionConfigurationRuleA(
                    apply_server_side_encryption_by_default=by_default
                )
            ],
        )
        place(encryption, self._name)

    def _version(self) -> Ref:
        versioning = S3BucketVersioningA(
            self,
            "versioning",
            bucket=self.bucket["id"],
            versioning_configuration=S3BucketVersioningVersioningConfiguration(status="Enabled"),
        )
        return place(versioning, self._name)
