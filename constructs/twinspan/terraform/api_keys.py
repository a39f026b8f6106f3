"""The API keys of a receiver that checks them itself: Terraform makes them, for one secret."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twin_runtime.roles import Role
from twinspan.config import Client
from twinspan.providers import Construct
from twinspan.providers.random import RandomPassword
from twinspan.terraform.resources import ACCEPTED_GENERATIONS, KEY_GENERATION_VARIABLE, generations, place


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """Keys as expressions."""

    newest: str
    """The twin's own key of generation `key_generation`; null when the receiver is off."""
    clients: str | None
    """The newest key of each client, by name; None without clients."""
    accepted: str
    """JSON of all that are accepted, the oldest first: {"api_keys": […], "clients": {"<client>": […]}}."""


def api_keys(scope: Construct, role: Role, *, clients: Sequence[Client], optional: bool) -> ApiKeys:
    """Make the keys of a receiver's accepted generations, and those of its clients."""
    own = place(RandomPassword(scope, "keys", for_each=generations(optional=optional)), f"{role}_api_keys")
    newest = f"{own.address}[tostring(var.{KEY_GENERATION_VARIABLE})].result"
    accepted = f"[for generation in {ACCEPTED_GENERATIONS} : {own.address}[tostring(generation)].result]"
    content, newest_of_clients = f"api_keys = {accepted}", None
    if clients:
        keys = _of_clients(scope, role, clients)
        newest_of_clients = f"${{{_object({name: each[-1] for name, each in keys.items()})}}}"
        lists = {name: f"[{', '.join(each)}]" for name, each in keys.items()}
        content += f", clients = {_object(lists)}"
    return ApiKeys(
        newest=f"${{try({newest}, null)}}" if optional else f"${{{newest}}}",
        clients=newest_of_clients,
        accepted=f"${{jsonencode({{{content}}})}}",
    )


def _of_clients(scope: Construct, role: Role, clients: Sequence[Client]) -> Mapping[str, Sequence[str]]:
    """Make the keys of each client's accepted generations; return them as expressions, the oldest first.

    The generations are numbers of twin.yaml: each client's keys are rotated and revoked on their own.
    """
    made = {client.name: [f"{client.name}/{number}" for number in client.accepted] for client in clients}
    every = json.dumps([key for keys in made.values() for key in keys])
    password = RandomPassword(scope, "client-keys", for_each=f"${{toset({every})}}")
    keys_of = place(password, f"{role}_client_keys").address
    return {name: [f'{keys_of}["{key}"].result' for key in keys] for name, keys in made.items()}


def _object(values: Mapping[str, str]) -> str:
    """An object of Terraform's whose values are expressions."""
    return "{" + ", ".join(f'"{name}" = {value}' for name, value in values.items()) + "}"
