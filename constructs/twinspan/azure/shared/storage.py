"""Storage accounts: one for queues and the functions' hosts, without keys; one for the functions' package."""

from functools import cached_property

from twin_runtime.roles import Layer, Role
from twinspan.azure import names
from twinspan.azure.shared.grants import WRITE_BLOBS
from twinspan.azure.shared.group import Group
from twinspan.azure.shared.operators import operator_role
from twinspan.packaging import Package
from twinspan.providers import AssetType, Construct, TerraformAsset
from twinspan.providers.azure import (
    StorageAccount,
    StorageAccountBlobProperties,
    StorageAccountBlobPropertiesContainerDeleteRetentionPolicy,
    StorageAccountBlobPropertiesDeleteRetentionPolicy,
    StorageBlob,
    StorageContainer,
    StorageManagementPolicy,
    StorageManagementPolicyRule,
    StorageManagementPolicyRuleActions,
    StorageManagementPolicyRuleActionsBaseBlob,
    StorageManagementPolicyRuleActionsVersion,
    StorageManagementPolicyRuleFilters,
)
from twinspan.sizing import BODY_DAYS, DEAD_LETTER_DAYS
from twinspan.terraform.resources import Ref, place

HOST_CONTAINERS = ("azure-webjobs-hosts", "azure-webjobs-secrets")
"""What the Functions host keeps leases and keys in. It would make them, given a role on the whole account."""
PACKAGE_FILE = "released-package.zip"
"""The file name that One Deploy requires."""


def storage_account(
    scope: Construct,
    id_: str,
    *,
    group: Group,
    name: str,
    role: str,
    undelete_days: int,
    layer: Layer | None = None,
    keys: bool = False,
    versions: bool = False,
) -> StorageAccount:
    """An account as every one of the twin's is: locally redundant (the archive tier takes no redundancy over
    zones), over TLS alone, closed to the public. What is deleted can be brought back for `undelete_days`.

    `keys`: it can be opened by shared keys, beside Entra ID. `versions`: what is written over is kept as
    long.
    """
    return StorageAccount(
        scope,
        id_,
        name=name,
        resource_group_name=group.group,
        location=group.location,
        account_kind="StorageV2",
        account_tier="Standard",
        account_replication_type="LRS",
        min_tls_version="TLS1_2",
        https_traffic_only_enabled=True,
        allow_nested_items_to_be_public=False,
        shared_access_key_enabled=keys,
        default_to_oauth_authentication=True,
        local_user_enabled=False,
        blob_properties=StorageAccountBlobProperties(
            versioning_enabled=versions or None,
            delete_retention_policy=StorageAccountBlobPropertiesDeleteRetentionPolicy(days=undelete_days),
            container_delete_retention_policy=StorageAccountBlobPropertiesContainerDeleteRetentionPolicy(
                days=undelete_days
            ),
        ),
        tags=group.labels(layer, role),
    )


class HostStorage(Construct):
    """The account of the twin's queues and of what the functions' hosts keep. Entra ID alone opens it."""

    def __init__(self, scope: Construct, id_: str, *, group: Group) -> None:
        super().__init__(scope, id_)
        self._names = group.names
        name = names.account(group.names)
        account = storage_account(
            self,
            "account",
            group=group,
            name=name,
            role="storage",
            undelete_days=DEAD_LETTER_DAYS,
            versions=True,
        )
        self.account = place(account, "twin", protect=group.twin.config.protects(None))
        self.host_containers = [
            self.container(self, container, address=container.replace("-", "_"))
            for container in HOST_CONTAINERS
        ]

    def container(
        self, scope: Construct, name: str, *, address: str, optional: bool = False, protect: bool = False
    ) -> Ref:
        """A private container. It has no tags: its type takes none."""
        container = StorageContainer(
            scope,
            f"{name}-container",
            name=name,
            storage_account_id=self.account["id"],
            container_access_type="private",
        )
        return place(container, address, optional=optional, protect=protect)

    def bodies(
        self, scope: Construct, name: str, *, address: str, optional: bool = False, protect: bool = False
    ) -> Ref:
        """A container of what is too long for a queue's messages, with the rule that deletes what is left."""
        self._rule  # noqa: B018 - makes it once
        return self.container(scope, name, address=address, optional=optional, protect=protect)

    @cached_property
    def _rule(self) -> Ref:
        """What the account deletes by itself: it has one policy at most.

        The account keeps what is deleted as a version, so the rule names versions as well.
        """
        policy = StorageManagementPolicy(
            self,
            "lifecycle",
            storage_account_id=self.account["id"],
            rule=[
                StorageManagementPolicyRule(
                    name=names.BODIES,
                    enabled=True,
                    filters=StorageManagementPolicyRuleFilters(
                        blob_types=["blockBlob"], prefix_match=[f"{self._names.name(names.BODIES)}-"]
                    ),
                    actions=StorageManagementPolicyRuleActions(
                        base_blob=StorageManagementPolicyRuleActionsBaseBlob(
                            delete_after_days_since_modification_greater_than=BODY_DAYS
                        ),
                        version=StorageManagementPolicyRuleActionsVersion(delete_after_days_since_creation=1),
                    ),
                )
            ],
        )
        return place(policy, "twin")


class Packages(Construct):
    """The functions' packages as blobs, with their content's hash in the name, where one deploy fetches them.

    One deploy takes a URL, and no identity to open it with: the blob is read by a shared access signature
    that the deployment makes for itself and that ends within the hour. Such a signature needs the account's
    key, so this account alone has keys enabled, and holds nothing but packages.
    """

    def __init__(self, scope: Construct, id_: str, *, group: Group, package: Package) -> None:
        super().__init__(scope, id_)
        name = names.package_account(group.names)
        account = storage_account(
            self,
            "account",
            group=group,
            name=name,
            role="packages",
            undelete_days=DEAD_LETTER_DAYS,
            keys=True,
            versions=True,
        )
        self.account = place(account, "packages")
        container = place(
            StorageContainer(
                self,
                "container",
                name="packages",
                storage_account_id=self.account["id"],
                container_access_type="private",
            ),
            "packages",
        )
        upload = operator_role(
            self,
            "operators_upload_packages",
            group=group,
            role=WRITE_BLOBS,
            at=self.account["id"],
        )
        self.container = container
        self._blob = self._uploaded("package", package, upload)
        self._own = {
            role: self._uploaded(f"package_{role}", own, upload) for role, own in package.own.items()
        }

    def blob(self, role: Role) -> Ref:
        """Return the package of a function."""
        return self._own.get(role, self._blob)

    def _uploaded(self, name: str, package: Package, upload: str) -> Ref:
        asset = TerraformAsset(
            self, name, path=str(package.path), asset_hash=package.digest, type=AssetType.FILE
        )
        blob = StorageBlob(
            self,
            name.replace("package", "blob"),
            name=f"{package.digest[:16]}/{PACKAGE_FILE}",
            storage_account_name=self.account["name"],
            storage_container_name=self.container["name"],
            type="Block",
            source=asset.path,
        )
        blob.add_override("depends_on", [upload])
        return place(blob, name)
