"""The Azure side of the stack `links`: the links' secrets, and who may read each."""

from twinspan.azure.foundation import provider
from twinspan.azure.grants import READ_SECRET
from twinspan.azure.vault import KEY_VAULT_OUTPUT
from twinspan.providers import Construct
from twinspan.providers.azure import KeyVaultSecret, RoleAssignment
from twinspan.resources import EVENTS_VARIABLE, place
from twinspan.topology import Link
from twinspan.twin import Twin


class SecretWriter(Construct):
    """Writes the secrets that the stack `azure` named. `outputs` is the expression of its outputs."""

    def __init__(self, scope: Construct, id_: str, *, twin: Twin, outputs: str) -> None:
        super().__init__(scope, id_)
        self._twin = twin
        self._outputs = outputs
        provider(self, twin)

    def write(self, link: Link, value: str) -> None:
        """Make `value`, an interpolation, the newest version of this cloud's end of the link."""
        end = Construct(self, link.name)
        secret = KeyVaultSecret(
            end,
            "secret",
            name=f"${{{self._outputs}.link_{link.name}_secret}}",
            key_vault_id=f"${{{self._outputs}.{KEY_VAULT_OUTPUT}}}",
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
        # `destroy` evaluates it, too, when the layout of before is gone from the outputs.
        named = f"try({self._outputs}.link_{link.name}_readers, {{}})"
        if link.optional:  # `for_each` excludes `count`
            named = f"{{for role, reader in {named} : role => reader if var.{EVENTS_VARIABLE}}}"
        readers.add_override("for_each", f"${{{named}}}")
        place(readers, f"link_{link.name}_readers")
