"""The Azure side of the stack `links`: the links' secrets, and who may read each."""

import json

from twinspan.azure import names
from twinspan.azure.shared.grants import READ_SECRET
from twinspan.azure.shared.group import provider
from twinspan.outputs import KEY_VAULT, link_readers, link_secret
from twinspan.providers import Construct
from twinspan.providers.azure import KeyVaultSecret, RoleAssignment
from twinspan.terraform.backend import output
from twinspan.terraform.resources import EVENTS_VARIABLE, Ref, place
from twinspan.topology import Link
from twinspan.twin import Twin


class SecretWriter(Construct):
    """Writes the secrets that the stack `azure` named. `outputs` is the expression of its outputs."""

    def __init__(self, scope: Construct, id_: str, *, twin: Twin, outputs: str) -> None:
        super().__init__(scope, id_)
        self._twin = twin
        self._outputs = outputs
        provider(self, twin)

    def write(self, link: Link, value: str) -> Ref:
        """Make `value`, an interpolation, the newest version of this cloud's end of the link."""
        end = Construct(self, link.name)
        name = names.link_secret(self._twin.names, link.name)
        secret = KeyVaultSecret(
            end,
            "secret",
            name=self._output(link_secret(link), otherwise=name),
            key_vault_id=self._output(KEY_VAULT, otherwise=self._vault_id()),
            value=value,
            content_type="application/json",
            tags=self._twin.labels(None, f"link-{link.name}"),
        )
        written = place(secret, f"link_{link.name}", optional=link.optional)
        readers = RoleAssignment(
            end,
            "readers",
            scope=written["resource_versionless_id"],
            role_definition_name=READ_SECRET,
            principal_id="${each.value}",
            principal_type="ServicePrincipal",
        )
        named = output(f"{self._outputs}.{link_readers(link)}", "{}")
        if link.optional:  # `for_each` excludes `count`
            named = f"{{for role, reader in {named} : role => reader if var.{EVENTS_VARIABLE}}}"
        readers.add_override("for_each", f"${{{named}}}")
        place(readers, f"link_{link.name}_readers")
        return written

    def _output(self, name: str, *, otherwise: str) -> str:
        return f"${{{output(f'{self._outputs}.{name}', json.dumps(otherwise))}}}"

    def _vault_id(self) -> str:
        azure = self._twin.config.clouds.azure
        assert azure is not None  # a cloud in use has its entry
        group = f"/subscriptions/{azure.subscription_id}/resourceGroups/{names.group(self._twin.names)}"
        return f"{group}/providers/Microsoft.KeyVault/vaults/{names.vault(self._twin.names)}"
