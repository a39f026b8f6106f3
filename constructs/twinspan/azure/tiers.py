"""The cold and the archive tier: blob containers. The cold one archives by rule where both are here."""

from twin_runtime.roles import Cloud, Layer
from twinspan import contracts
from twinspan.azure import facts, names
from twinspan.azure.foundation import Foundation
from twinspan.azure.shared.grants import READ_BLOBS, WRITE_BLOBS, grant
from twinspan.azure.shared.lock import Lock
from twinspan.azure.shared.storage import storage_account
from twinspan.lifecycle import EVENTS, PARTS, PARTS_DAYS, THAWED_DAYS, UNDELETE_DAYS, Lifecycle
from twinspan.providers import Construct
from twinspan.providers.azure import (
    StorageContainer,
    StorageManagementPolicy,
    StorageManagementPolicyRule,
    StorageManagementPolicyRuleActions,
    StorageManagementPolicyRuleActionsBaseBlob,
    StorageManagementPolicyRuleFilters,
)
from twinspan.terraform.resources import Ref, place

COLD_CLASS = "Cool"
ARCHIVE_CLASS = "Archive"


class Bucket(Construct):
    """A container of files that are never changed, in a storage account of its own without keys: Entra ID
    alone opens it.

    The cold and the archive tier have the same one, whether both are in Azure or one of them: files that are
    archived in it stay when the other tier moves to another cloud.

    `storage_class` is what Azure calls an access tier. An account has one set of lifecycle rules, one
    undelete and one bound on requests: those of the account of queues and hosts are others, and a backlog
    that is moved must not slow the queues down.

    What is deleted, or written over, can be brought back for UNDELETE_DAYS. The lock is on the lifecycle
    rules, which Terraform deletes before the container and the account that they name. On those, a lock would
    keep the roles of functions that other layers take away.
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
        self._foundation, self._layer = foundation, layer
        self._protect = foundation.twin.config.protects(layer)
        self._account = self._storage_account()
        container = StorageContainer(
            self,
            "container",
            name=names.FILES,
            storage_account_id=self._account["id"],
            container_access_type="private",
        )
        self._container = place(container, names.FILES, protect=self._protect)
        endpoint = self._account["primary_blob_endpoint"]
        self.address = f"{endpoint}{self._container['name']}?tier={storage_class}"
        foundation.inventory.record(
            facts.Named(address=self._container.address, name=names.FILES, value=self.address)
        )
        self._expire(lifecycle)

    def grant_read(self, function: contracts.Function) -> None:
        grant(function, f"reads_{names.FILES}", role=READ_BLOBS, at=self._container)

    def grant_write(self, function: contracts.Function) -> None:
        grant(function, f"writes_{names.FILES}", role=WRITE_BLOBS, at=self._container)

    def _storage_account(self) -> Ref:
        """Each file is written with an access tier of its own."""
        account = storage_account(
            self,
            "account",
            group=self._foundation,
            name=names.tier_account(self._foundation.names),
            layer=self._layer,
            role="store",
            undelete_days=UNDELETE_DAYS,
        )
        return place(account, names.FILES, protect=self._protect)

    def _expire(self, lifecycle: Lifecycle) -> None:
        """Azure bills the Cool tier for 30 days at least and Archive for 180, whenever a file is deleted.

        The rule that archives files also archives a rehydrated file again after some days.
        """
        events = StorageManagementPolicyRuleActionsBaseBlob(
            delete_after_days_since_modification_greater_than=lifecycle.delete_after
        )
        if lifecycle.archive_after is not None:
            events = StorageManagementPolicyRuleActionsBaseBlob(
                tier_to_archive_after_days_since_modification_greater_than=lifecycle.archive_after,
                tier_to_archive_after_days_since_last_tier_change_greater_than=THAWED_DAYS,
                delete_after_days_since_modification_greater_than=lifecycle.delete_after,
            )
        parts_of_files = StorageManagementPolicyRuleActionsBaseBlob(
            delete_after_days_since_modification_greater_than=PARTS_DAYS
        )
        policy = StorageManagementPolicy(
            self,
            "lifecycle",
            storage_account_id=self._account["id"],
            rule=[self._rule("events", EVENTS, events), self._rule("parts", PARTS, parts_of_files)],
        )
        rules = place(policy, names.FILES)
        Lock(self, "kept", group=self._foundation, on=rules, name=names.FILES, layer=self._layer)

    def _rule(
        self, name: str, prefix: str, actions: StorageManagementPolicyRuleActionsBaseBlob
    ) -> StorageManagementPolicyRule:
        return StorageManagementPolicyRule(
            name=name,
            enabled=True,
            filters=StorageManagementPolicyRuleFilters(
                blob_types=["blockBlob"], prefix_match=[f"{self._container['name']}/{prefix}"]
            ),
            actions=StorageManagementPolicyRuleActions(base_blob=actions),
        )


class ColdStore(Bucket):
    """Files of events that left the hot store. A former one is tagged as the tier it was."""

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation, former: bool = False) -> None:
        rules = Lifecycle.of_former if former else Lifecycle.of_cold
        archive_alone = former and Layer.COLD_STORAGE not in foundation.twin.topology.former_in(Cloud.AZURE)
        super().__init__(
            scope,
            id_,
            foundation=foundation,
            layer=Layer.ARCHIVE_STORAGE if archive_alone else Layer.COLD_STORAGE,
            storage_class=COLD_CLASS,
            lifecycle=rules(foundation.twin),
        )


class ArchiveStore(Bucket):
    """Files of events that left the cold tier, each written in the archive's tier."""

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation) -> None:
        super().__init__(
            scope,
            id_,
            foundation=foundation,
            layer=Layer.ARCHIVE_STORAGE,
            storage_class=ARCHIVE_CLASS,
            lifecycle=Lifecycle.of_archive(foundation.twin),
        )
