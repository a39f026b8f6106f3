"""The secrets of links, and the API keys of receivers."""

from collections.abc import Mapping, Sequence

from twin_runtime.roles import Cloud, Layer, Role
from twinspan import contracts, outputs
from twinspan.aws import facts, names
from twinspan.aws.foundation import Foundation
from twinspan.aws.shared.grants import grant
from twinspan.aws.shared.policies import allow
from twinspan.config import Client
from twinspan.providers import Construct
from twinspan.providers.aws import ApiGatewayApiKey, SecretsmanagerSecret, SecretsmanagerSecretVersion
from twinspan.terraform.resources import KEY_GENERATION_VARIABLE, generations, place
from twinspan.topology import LINKS_STACK, Link


class LinkSecret(Construct):
    """One end's secret of a link, empty until the stack `links` writes a version; of a local one, until
    `fill`.
    """

    def __init__(
        self, scope: Construct, id_: str, *, foundation: Foundation, link: Link, layer: Layer
    ) -> None:
        super().__init__(scope, id_)
        self.link = link
        writer = LINKS_STACK if link.wired else Cloud.AWS
        description = f"Keys of the link {link.name}; written by the stack {writer}."
        secret = SecretsmanagerSecret(
            self,
            "secret",
            name=names.link_secret(foundation.twin.names, link.name),
            description=description,
            # Its content can be made anew, and its name must be free again when events are switched off and
            # on.
            recovery_window_in_days=0,
            tags=foundation.labels(layer, f"link-{link.name}"),
        )
        self.secret = place(secret, f"link_{link.name}", optional=link.optional)
        foundation.inventory.record(
            facts.Secret(address=self.secret.address, link=link.name, description=description)
        )
        self.address = self.secret["arn"]
        outputs.publish_link_secret(self, link, self.address)

    def fill(self, text: str) -> None:
        version = SecretsmanagerSecretVersion(
            self, "version", secret_id=self.secret["id"], secret_string=text
        )
        place(version, f"link_{self.link.name}", optional=self.link.optional)

    def grant_read(self, function: contracts.Function) -> None:
        statement = allow("secretsmanager:GetSecretValue", on=[self.secret["arn"]])
        grant(
            function, f"read-link-{self.link.name}", statement, about=self.secret, optional=self.link.optional
        )


class ApiKeys(Construct):
    """The API keys of one receiver: two generations of the twin's own, and each client's. AWS makes their
    values, and API Gateway checks them.

    The function therefore needs no permission. Its variable API_CLIENTS, `{<id of a key>: <client>}`, tells
    whose key a request came with; it is absent without clients.
    """

    environment: Mapping[str, str]

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
        self.environment = {}
        self.clients: str | None = None
        self.optional = optional
        self._foundation, self._role, self._tags = foundation, role, foundation.labels(layer, role)
        key = ApiGatewayApiKey(
            self,
            "key",
            name=foundation.twin.names.name(role, "${each.key}"),
            description=f"Key of {role}, by generation",
            tags=self._tags,
        )
        key.add_override("for_each", generations(optional=optional))
        self.keys = place(key, role).address
        """Address of the keys, a map by generation."""
        self.client_keys = self._of_clients(clients) if clients else None
        """Address of the clients' keys, a map by `<client>-<generation>`; None without clients."""

    def _of_clients(self, clients: Sequence[Client]) -> str:
        """Make the keys of each client's accepted generations. The generations are numbers of twin.yaml: each
        client's keys are rotated and revoked on their own.
        """
        key = ApiGatewayApiKey(
            self,
            "client-keys",
            name=self._foundation.twin.names.name(self._role, "${each.key}"),
            description=f"Key of {self._role} for the client ${{each.value}}",
            tags=self._tags,
        )
        names_by_key = {f"{each.name}-{n}": each.name for each in clients for n in each.accepted}
        key.add_override("for_each", names_by_key)
        keys = place(key, f"{self._role}_clients").address
        newest = (f'"{each.name}" = {keys}["{each.name}-{each.generation}"].value' for each in clients)
        self.clients = f"${{{{{', '.join(newest)}}}}}"
        ids = (f'({keys}["{name}"].id) = "{client}"' for name, client in names_by_key.items())
        self.environment = {"API_CLIENTS": f"${{jsonencode({{{', '.join(ids)}}})}}"}
        return keys

    @property
    def newest(self) -> str:
        """The value of the current generation's key; null when the receiver is off."""
        value = f"{self.keys}[tostring(var.{KEY_GENERATION_VARIABLE})].value"
        return f"${{try({value}, null)}}" if self.optional else f"${{{value}}}"

    def grant_read(self, function: contracts.Function) -> None:
        """Nothing to grant: API Gateway checks the key before it calls the function."""
