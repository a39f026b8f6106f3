"""The secrets of links and of receivers."""

from collections.abc import Mapping, Sequence

from twin_runtime.roles import Layer, Role
from twinspan import outputs
from twinspan.config import Client
from twinspan.gcp import names
from twinspan.gcp.foundation import Foundation
from twinspan.gcp.shared.secret import Secret
from twinspan.providers import Construct
from twinspan.terraform.api_keys import api_keys
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
        foundation.need_random()
        made = api_keys(self, role, clients=clients, optional=optional)
        self.newest, self.clients = made.newest, made.clients
        self.write(made.accepted)
        self.environment = {"API_KEYS_SECRET": self.address}
