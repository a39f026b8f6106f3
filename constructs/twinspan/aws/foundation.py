"""What the constructs of the AWS stack share: provider, code, account, where alarms go."""

from base64 import b64encode
from functools import cached_property

from twin_runtime.roles import Layer, Role
from twinspan.aws import names
from twinspan.aws.shared.home import Home
from twinspan.aws.shared.policies import document
from twinspan.inventory import Inventory
from twinspan.packaging import Package
from twinspan.providers import AssetType, Construct, TerraformAsset
from twinspan.providers.aws import AwsProvider, DataAwsCallerIdentity, KmsKey, SnsTopic, SnsTopicSubscription
from twinspan.terraform.resources import place
from twinspan.twin import Twin

_KEY_ADMINISTRATION = (
    "kms:DescribeKey",
    "kms:UpdateKeyDescription",
    "kms:EnableKey",
    "kms:DisableKey",
    "kms:GetKeyPolicy",
    "kms:PutKeyPolicy",
    "kms:ListKeyPolicies",
    "kms:GetKeyRotationStatus",
    "kms:EnableKeyRotation",
    "kms:DisableKeyRotation",
    "kms:ListResourceTags",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:ScheduleKeyDeletion",
    "kms:CancelKeyDeletion",
)


def provider(scope: Construct, twin: Twin) -> None:
    """The provider block: region, account and nothing secret. Credentials come from the operator's
    environment; those of another account than `clouds.aws.account_id` are refused."""
    aws = twin.config.clouds.aws
    assert aws is not None  # a cloud in use has its entry
    AwsProvider(scope, "aws", region=aws.region, allowed_account_ids=[aws.account_id])


def providers(scope: Construct, twin: Twin) -> None:
    """The provider blocks of a stack without resources."""
    provider(scope, twin)


class Foundation(Construct):
    """Provider block, function code and alarm target of the AWS stack.

    `alarm_actions` is what every alarm notifies; empty when the twin names no e-mail address for alerts.
    """

    def __init__(self, scope: Construct, id_: str, *, twin: Twin, package: Package) -> None:
        super().__init__(scope, id_)
        self.twin = twin
        self.inventory = Inventory()
        provider(self, twin)
        Home(self, "home", account=self.account, region=self.region)
        self._code = self._asset("package", package)
        self._own_code = {role: self._asset(f"package-{role}", own) for role, own in package.own.items()}
        alerts = twin.config.alerts
        self.alarm_actions = [self._alarms(alerts.email)] if alerts else []

    def code(self, role: Role) -> tuple[str, str]:
        """Return the path of a function's package as Terraform reads it, and its SHA-256 in base64."""
        return self._own_code.get(role, self._code)

    def _asset(self, id_: str, package: Package) -> tuple[str, str]:
        asset = TerraformAsset(
            self, id_, path=str(package.path), asset_hash=package.digest, type=AssetType.FILE
        )
        return asset.path, b64encode(bytes.fromhex(package.digest)).decode()

    def labels(self, layer: Layer | None, role: Role | str) -> dict[str, str]:
        return self.twin.labels(layer, role)

    def protects(self, layer: Layer) -> bool:
        """Whether what a layer holds is protected from deletion."""
        return self.twin.config.protects(layer)

    @cached_property
    def region(self) -> str:
        aws = self.twin.config.clouds.aws
        assert aws is not None
        return aws.region

    @cached_property
    def account(self) -> str:
        """The account's number, as an interpolation."""
        return place(DataAwsCallerIdentity(self, "account"), "current")["account_id"]

    def arn(self, service: str, resource: str) -> str:
        """ARN of what this account has, or may have, in this region: `arn("iot", "topic/…")`."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def _alarms(self, email: str) -> str:
        """The topic that alarms notify.

        It has a key of its own: CloudWatch may not use the key that AWS manages for SNS, and its messages to
        a topic under that key vanish. Whoever subscribes confirms by the e-mail that AWS sends. The key is
        not protected from deletion: it encrypts messages that SNS delivers at once, and nothing at rest.
        """
        tags = self.labels(None, "alarms")
        key = place(
            KmsKey(
                self,
                "alarms-key",
                description=f"Alarm topic of the twin {self.twin.config.name}",
                enable_key_rotation=True,
                deletion_window_in_days=7,
                policy=self._key_policy(),
                tags=tags,
            ),
            "alarms",
        )
        topic = place(
            SnsTopic(
                self,
                "alarms",
                name=self.twin.names.name(names.ALARMS),
                kms_master_key_id=key["id"],
                tags=tags,
            ),
            "alarms",
        )
        subscription = SnsTopicSubscription(
            self, "alarms-subscription", topic_arn=topic["arn"], protocol="email", endpoint=email
        )
        place(subscription, "alarms")
        return topic["arn"]

    def _key_policy(self) -> str:
        # In a key's own policy the resource `*` is that key.
        return document(
            {
                "Effect": "Allow",
                "Action": list(_KEY_ADMINISTRATION),
                "Principal": {"AWS": f"arn:aws:iam::{self.account}:root"},
                "Resource": "*",
            },
            {
                "Effect": "Allow",
                "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                "Principal": {"Service": "cloudwatch.amazonaws.com"},
                "Resource": "*",
            },
        )
