"""The outputs of the stacks: their names, and one description for all clouds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from twin_runtime.roles import Role
from twinspan.terraform.stackjson import EVENTS_VARIABLE
from twinspan.topology import Link

if TYPE_CHECKING:  # the summary needs the names alone, and CDKTF takes a second to load
    from twinspan.providers import Construct, TerraformOutput

BROKER = "broker_endpoint"
DEAD_LETTERS = "dead_letter_queues"
DEPLOYMENT = "deployment"
DEVICE_VALUES = "device_values"
FORMER = "former_stores"
GRAFANA = "grafana_url"
KEY_VAULT = "key_vault_id"
TIERS = "storage_tiers"
_APIS = {Role.HOT_READER: "telemetry", Role.TWIN_READER: "graph"}
"""The receivers that clients outside the twin call; other receivers have outputs of the role's name."""
_DESCRIPTIONS = {
    BROKER: "What devices connect to: the host of AWS IoT Core or Azure IoT Hub, or the topic of Pub/Sub.",
    DEAD_LETTERS: "Dead letters of each hop, and where `twinspan dead-letters` resends them.",
    DEPLOYMENT: "What the stack was deployed from: version, layers, event system, generation of the keys.",
    DEVICE_VALUES: "Cloud and address of the twin graph and of the rules' state, for `twinspan data delete`.",
    FORMER: "Address of each store that a layer has left, by layer.",
    KEY_VAULT: "Key vault that holds the secrets of the links.",
    TIERS: "Cloud and address of each storage tier, for `twinspan restore`.",
}


def url(role: Role) -> str:
    """Return the output with a receiver's URL."""
    return f"{_APIS[role]}_api_url" if role in _APIS else f"{role}_url"


def api_key(role: Role) -> str:
    """Return the output with a receiver's newest API key."""
    return f"{_APIS.get(role, role)}_api_key"


def client_keys(role: Role) -> str:
    """Return the output with the newest API key of each client of a receiver."""
    return f"{_APIS[role]}_api_client_keys"


def link_secret(link: Link) -> str:
    """Return the output that names the secret of the cloud's end of a link."""
    return f"link_{link.name}_secret"


def link_readers(link: Link) -> str:
    """Return the output with the principals that may read the link's secret."""
    return f"link_{link.name}_reader_principal_ids"


def while_events_are_on(fields: Mapping[str, str]) -> str:
    """Return the expression of an object that is null while the event system is off."""
    written = ", ".join(f'{name} = "{text}"' for name, text in fields.items())
    return f"${{var.{EVENTS_VARIABLE} ? {{{written}}} : null}}"


def publish(
    scope: Construct, name: str, value: Any, *, description: str | None = None, sensitive: bool = False
) -> TerraformOutput:
    """Add the output `name` to the stack. Names without a fixed description need `description`."""
    from twinspan.providers import TerraformOutput

    output = TerraformOutput(
        scope,
        name,
        value=value,
        description=description or _DESCRIPTIONS[name],
        sensitive=sensitive or None,
    )
    output.override_logical_id(name)
    return output


def publish_receiver(
    scope: Construct, role: Role, *, address: str, key: str, clients: str | None = None
) -> None:
    """Add a receiver's URL and newest API key; and `clients`, an expression of the newest key of each client
    by its name.
    """
    publish(scope, url(role), address, description=f"URL of {role}.")
    described = f"API key of {role}, of the generation key_generation."
    publish(scope, api_key(role), key, description=described, sensitive=True)
    if clients is not None:
        described = f"API key of each client of {role}, of the client's newest generation."
        publish(scope, client_keys(role), clients, description=described, sensitive=True)


def publish_link_secret(scope: Construct, link: Link, value: str) -> None:
    """Add what names the secret of the cloud's end of a link."""
    publish(
        scope, link_secret(link), value, description=f"Secret of this cloud's end of the link {link.name}."
    )


def publish_grafana(scope: Construct, url: str, *, sign_in: str) -> None:
    """Add Grafana's URL; `sign_in` is a sentence, since each cloud has another way to sign in."""
    publish(scope, GRAFANA, url, description=f"URL of Grafana. {sign_in}")
