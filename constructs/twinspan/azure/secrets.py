"""Secrets: API keys that the stack makes, and the ends of links that `links` fills."""

from collections.abc import Sequence

from twin_runtime.roles import Layer, Role
from twinspan import contracts, outputs
from twinspan.azure import facts, names
from twinspan.azure.foundation import Foundation
from twinspan.azure.functions import Function
from twinspan.azure.shared.grants import READ_SECRET, grant
from twinspan.config import Client
from twinspan.providers import Construct
from twinspan.providers.azure import KeyVaultSecret
from twinspan.terraform.api_keys import api_keys
from twinspan.terraform.resources import Ref, place
from twinspan.topology import Link

_SCOPE = "resource_versionless_id"
"""The attribute of a secret that a role is given on."""


class LinkSecret(Construct):
    """One end's secret of a link.

    A secret in a key vault does not exist before it has a value, and that of a link which crosses clouds is
    written by `links`. So this stack only names it. The permission to read it cannot be given on what does
    not exist, and on the whole vault it would open every other secret: `links` gives it on the secret itself,
    to the readers that this stack names. A local link's secret is made when it is filled.
    """

    def __init__(
        self, scope: Construct, id_: str, *, foundation: Foundation, link: Link, layer: Layer
    ) -> None:
        super().__init__(scope, id_)
        self._foundation, self._link, self._layer = foundation, link, layer
        named = names.link_secret if link.wired else names.own_secret
        self._name = named(foundation.names, link.name)
        self._filled: Ref | None = None
        self.address = f"{foundation.vault.uri}secrets/{self._name}"
        if link.wired:
            outputs.publish_link_secret(self, link, self._name)
            self._named: dict[str, str] = {}
            self._readers = outputs.publish(
                self,
                outputs.link_readers(link),
                {},
                description=f"Principals that may read the secret of the link {link.name}, by role.",
            )
            self._record(foundation.vault.address)

    def _record(self, address: str) -> None:
        self._foundation.inventory.record(
            facts.LinkSecret(
                address=address,
                name=self._name,
                value=self.address,
                link=self._link.name,
                remote=self._link.wired,
            )
        )

    def fill(self, text: str) -> None:
        secret = KeyVaultSecret(
            self,
            "value",
            name=self._name,
            key_vault_id=self._foundation.vault.id,
            value=text,
            content_type="application/json",
            tags=self._foundation.labels(self._layer, f"link-{self._link.name}"),
        )
        secret.add_override("depends_on", [self._foundation.vault.writer])
        self._filled = place(secret, f"link_{self._link.name}", optional=self._link.optional)
        self._record(self._filled.address)

    def grant_read(self, function: contracts.Function) -> None:
        """Let the function read the secret. For a local link, call `fill` first."""
        if self._link.wired:
            reader = contracts.own(function, Function)
            self._named[str(reader.role)] = reader.principal
            self._readers.value = dict(self._named)
            vault = self._foundation.vault.address
            self._foundation.inventory.record(
                facts.Grant(address=vault, to=reader.role, may=(READ_SECRET,), on=(vault,), secret=self._name)
            )
            return
        assert self._filled is not None
        grant(
            function,
            f"reads_link_{self._link.name}",
            role=READ_SECRET,
            at=self._filled,
            scope=self._filled[_SCOPE],
            optional=self._link.optional,
        )


class ApiKeys(Construct):
    """The API keys of one receiver, which checks them itself: the platform's own cannot be made by Terraform.

    `newest` is the newest key of the twin itself, `clients` the newest key of each client. `environment`
    contains the address of all that are accepted, `{"api_keys": […], "clients": {"<client>": […]}}`.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        foundation: Foundation,
        role: Role,
        layer: Layer,
        clients: Sequence[Client] = (),
        optional: bool = False,
    ) -> None:
        super().__init__(scope, id_)
        foundation.random  # noqa: B018  (the provider, made once)
        made = api_keys(self, role, clients=clients, optional=optional)
        self.newest, self.clients = made.newest, made.clients
        name = names.api_keys_secret(foundation.names, role)
        secret = KeyVaultSecret(
            self,
            "secret",
            name=name,
            key_vault_id=foundation.vault.id,
            value=made.accepted,
            content_type="application/json",
            tags=foundation.labels(layer, role),
        )
        secret.add_override("depends_on", [foundation.vault.writer])
        self._secret = place(secret, f"{role}_api_keys", optional=optional)
        address = f"{foundation.vault.uri}secrets/{self._secret['name']}"
        foundation.inventory.record(facts.Named(address=self._secret.address, name=name, value=address))
        self.environment = {"API_KEYS_SECRET": address}

    def grant_read(self, function: contracts.Function) -> None:
        grant(
            function,
            "reads_api_keys",
            role=READ_SECRET,
            at=self._secret,
            scope=self._secret[_SCOPE],
            optional=self._secret.optional,
        )
