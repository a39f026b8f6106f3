"""The idempotency store: which runs of the workflow were started, as a logic app takes no name for a run."""

from twinspan import contracts
from twinspan.azure import facts, names
from twinspan.azure.foundation import Foundation
from twinspan.azure.shared.grants import WRITE_BLOBS, grant
from twinspan.providers import Construct
from twinspan.providers.azure import (
    StorageManagementPolicy,
    StorageManagementPolicyRule,
    StorageManagementPolicyRuleActions,
    StorageManagementPolicyRuleActionsBaseBlob,
    StorageManagementPolicyRuleActionsVersion,
    StorageManagementPolicyRuleFilters,
)
from twinspan.sizing import IDEMPOTENCY_DAYS
from twinspan.terraform.resources import place


class IdempotencyStore(Construct):
    """A container of the host storage account, whose rule deletes a record after IDEMPOTENCY_DAYS.

    The account keeps versions, and a deleted blob as one of them: the rule deletes those as well.
    """

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation) -> None:
        super().__init__(scope, id_)
        storage = foundation.storage
        name = foundation.names.name(names.IDEMPOTENCY)
        self._container = storage.container(self, name, address=names.IDEMPOTENCY, optional=True)
        self.address = f"{storage.account['primary_blob_endpoint']}{self._container['name']}"
        foundation.inventory.record(
            facts.Named(address=self._container.address, name=name, value=self.address)
        )
        policy = StorageManagementPolicy(
            self,
            "lifecycle",
            storage_account_id=storage.account["id"],
            rule=[
                StorageManagementPolicyRule(
                    name=names.IDEMPOTENCY,
                    enabled=True,
                    filters=StorageManagementPolicyRuleFilters(
                        blob_types=["blockBlob"], prefix_match=[f"{self._container['name']}/"]
                    ),
                    actions=StorageManagementPolicyRuleActions(
                        base_blob=StorageManagementPolicyRuleActionsBaseBlob(
                            delete_after_days_since_modification_greater_than=IDEMPOTENCY_DAYS
                        ),
                        version=StorageManagementPolicyRuleActionsVersion(
                            delete_after_days_since_creation=IDEMPOTENCY_DAYS
                        ),
                    ),
                )
            ],
        )
        place(policy, names.IDEMPOTENCY, optional=True)

    def grant_write(self, function: contracts.Function) -> None:
        """Read and write its records. Of Azure's own roles this is the narrowest that writes blobs."""
        grant(function, "writes_idempotency", role=WRITE_BLOBS, at=self._container, optional=True)
