"""Where the event checker keeps what its rules have seen: a table of the twin's host storage account."""

from twinspan import contracts
from twinspan.azure import facts, names
from twinspan.azure.foundation import Foundation
from twinspan.azure.shared.grants import WRITE_TABLES, grant
from twinspan.providers import Construct
from twinspan.providers.azapi import AzapiResource
from twinspan.terraform.resources import place

TYPE = "Microsoft.Storage/storageAccounts/tableServices/tables@2023-05-01"


class StateStore(Construct):
    """A record for each device, in a partition of its own. Nothing expires. Switching the event system off
    deletes the table.

    azurerm's resource for tables reads their access policies with the account's key, and this account has
    keys disabled (azurerm docs/r/storage_table: "Shared Key authentication will always be used"). azapi makes
    a table by Azure Resource Manager, with the identity of who runs Terraform.
    """

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation) -> None:
        super().__init__(scope, id_)
        account = foundation.storage.account
        table = AzapiResource(
            self,
            "table",
            kind=TYPE,
            name=names.STATE,
            parent_id=f"{account['id']}/tableServices/default",
        )
        self._table = place(table, names.STATE, optional=True)
        self.address = f"{account['primary_table_endpoint']}{self._table['name']}"
        foundation.inventory.record(
            facts.Named(address=self._table.address, name=names.STATE, value=self.address)
        )

    def grant_write(self, function: contracts.Function) -> None:
        """Read and write its records. Of Azure's own roles this is the narrowest that writes to tables."""
        grant(function, "writes_state", role=WRITE_TABLES, at=self._table, optional=True)
