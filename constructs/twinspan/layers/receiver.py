"""What stands behind every public endpoint, and what every sender across clouds needs."""

from collections.abc import Mapping

from twin_runtime.roles import Layer, Role
from twinspan.contracts import Endpoint, Function
from twinspan.kit import Kit
from twinspan.providers import Construct


def receiver(
    scope: Construct,
    role: Role,
    *,
    kit: Kit,
    layer: Layer,
    environment: Mapping[str, str],
    optional: bool = False,
) -> tuple[Function, Endpoint]:
    """A function behind HTTPS with its API keys and, on a link that is signed, the secret that holds the
    signing keys. One that clients outside the twin call has keys of each named client too.
    """
    topology = kit.twin.topology
    link = topology.link_of(role)
    clients = kit.twin.config.read_clients if topology.has_clients(role) else ()
    api_keys = kit.api_keys(scope, role, layer=layer, clients=clients, optional=optional)
    secret = kit.link_secret(scope, link, layer=layer) if link else None
    function = kit.function(
        scope,
        role,
        layer=layer,
        environment={
            **environment,
            **api_keys.environment,
            **({"LINK_SECRET": secret.address} if secret else {}),
        },
        receiver=True,
        optional=optional,
    )
    api_keys.grant_read(function)
    if secret:
        secret.grant_read(function)
    return function, kit.endpoint(scope, function, api_keys=api_keys)
