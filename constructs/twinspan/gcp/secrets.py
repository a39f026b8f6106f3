"""The secrets of links and of receivers."""

import json
from collections.abc import Mapping, Sequence

from twin_runtime.roles import Layer, Role
from twinspan import outputs
from twinspan.config import Client
from twinspan.gcp import names
from twinspan.gcp.foundation import Foundation
from twinspan.gcp.shared.secret import Secret
from twinspan.providers import Construct
from twinspan.providers.random import RandomPassword
from twinspan.terraform.resources import ACCEPTED_GENERATIONS, KEY_GENERATION_VARIABLE, generations, place
from twinspan.topology import Link


class LinkSecret(Secret):
    """The empty secret of one end of a link; the stack `links` adds its versions, or `fill` those of a local
    one. Output `link_<link>_secret`.
    """

    def __init__(
        self, scope: Construct, id_: str, *, foundation: Foundation, link: Link, layer: Layer
    ) -> None:
        super().__init__(
            scope,
            id_,
            foundation=foundation,
            name=names.link_secret(foundation.twin.names, link.name),
            key=f"link_{link.name}",
            labels=foundation.twin.labels(layer, f"link-{link.name}"),
            optional=link.optional,
        )
        outputs.publish_link_secret(self, link, self.ref["id"])

    def fill(self, text: str) -> None:
        self.write(text)


class ApiKeys(Secret):
    """The API keys of a receiver that are accepted, its own and those of each client: {"api_keys": […],
    "clients": {"<client>": […]}}.
    """

    environment: Mapping[str, str]
    newest: str
    """The key of generation `key_generation`; null when the receiver is off."""

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
        super().__init__(
            scope,
            id_,
            foundation=foundation,
            name=names.api_keys(foundation.twin.names, role),
            key=f"{role}_api_keys",
            labels=foundation.twin.labels(layer, role),
            optional=optional,
        )
        self.clients: str | None = None
        self._role = role
        foundation.need_random()
        keys = place(
            RandomPassword(self, "keys", for_each=generations(optional=optional)), f"{role}_api_keys"
        )
        newest = f"{keys.address}[tostring(var.{KEY_GENERATION_VARIABLE})].result"
        accepted = f"[for generation in {ACCEPTED_GENERATIONS} : {keys.address}[tostring(generation)].result]"
        self.newest = f"${{try({newest}, null)}}" if optional else f"${{{newest}}}"
        content = f"api_keys = {accepted}"
        if clients:
            of_each = self._of_clients(clients)
            self.clients = f"${{{_object({name: keys[-1] for name, keys in of_each.items()})}}}"
            lists = {name: f"[{', '.join(keys)}]" for name, keys in of_each.items()}
            content = f"{content}, clients = {_object(lists)}"
        self.write(f"${{jsonencode({{{content}}})}}")
        self.environment = {"API_KEYS_SECRET": self.address}

    def _of_clients(self, clients: Sequence[Client]) -> Mapping[str, Sequence[str]]:
        """Make the keys of each client's accepted generations. Returns them as expressions, the oldest first.

        The generations are numbers of twin.yaml: each client's keys are rotated and revoked on their own.
        """
        made = {client.name: [f"{client.name}/{number}" for number in client.accepted] for client in clients}
        every = json.dumps([key for keys in made.values() for key in keys])
        password = RandomPassword(self, "client-keys", for_each=f"${{toset({every})}}")
        keys_of = place(password, f"{self._role}_client_keys").address
        return {name: [f'{keys_of}["{key}"].result' for key in keys] for name, keys in made.items()}


def _object(values: Mapping[str, str]) -> str:
    """An object of Terraform's whose values are expressions."""
    return "{" + ", ".join(f'"{name}" = {value}' for name, value in values.items()) + "}"
