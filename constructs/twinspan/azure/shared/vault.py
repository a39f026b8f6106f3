"""The key vault of a stack that has secrets."""

from twinspan import outputs
from twinspan.azure import names
from twinspan.azure.shared.group import Group
from twinspan.azure.shared.operators import operator_role
from twinspan.providers import Construct
from twinspan.providers.azure import KeyVault
from twinspan.terraform.resources import place


class Vault(Construct):
    """A vault that RBAC alone opens; what is deleted can be recovered for a week, and purged by no one
    before.

    `id` and `uri` are interpolations. What writes a secret depends on the address `writer`: the role that
    lets the operators write, and the time that Azure takes to act on it.
    """

    def __init__(self, scope: Construct, id_: str, *, group: Group) -> None:
        super().__init__(scope, id_)
        vault = place(
            KeyVault(
                self,
                "vault",
                name=names.vault(group.names),
                resource_group_name=group.group,
                location=group.location,
                tenant_id=group.client["tenant_id"],
                sku_name="standard",
                rbac_authorization_enabled=True,
                purge_protection_enabled=True,
                soft_delete_retention_days=7,
                tags=group.labels(None, "secrets"),
            ),
            "twin",
            protect=group.twin.config.protects(None),
        )
        self.address = vault.address
        self.id = vault["id"]
        self.uri = vault["vault_uri"]
        self.writer = operator_role(
            self,
            "operators_write_secrets",
            group=group,
            role="Key Vault Secrets Officer",
            at=self.id,
        )
        outputs.publish(self, outputs.KEY_VAULT, self.id)
