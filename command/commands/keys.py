"""`twinspan keys rotate|revoke`: raises a generation of keys in twin.yaml, plans and deploys."""

from collections.abc import Callable, Mapping
from typing import Any

import click

from command import editing
from command.edit import Edit
from command.exits import Refused, WrongInput
from command.plan import deployed
from command.session import Session
from twinspan.config.text import Suggest
from twinspan.config.yamlfile import read_yaml
from twinspan.twinfile import checked, short

SCHEMA = editing.SCHEMA


@click.group()
def command() -> None:
    """Rotate or revoke keys: edit the generations in twin.yaml, plan, deploy."""


def _options(function: Callable[..., None]) -> Callable[..., None]:
    client = click.option(
        "--client", metavar="NAME", help="A client of the read API (default: the twin's keys)."
    )
    only = click.option("--no-deploy", is_flag=True, help="Only edit the file.")
    return client(only(click.pass_obj(function)))


@command.command()
@_options
def rotate(session: Session, client: str | None, no_deploy: bool) -> None:
    """Make a new generation of keys. The one before stays valid until the next rotation."""
    path, generation = _keys(session, client)
    editing.apply(session, Edit((*path, "generation"), generation + 1), deploy=not no_deploy)


@command.command()
@_options
def revoke(session: Session, client: str | None, no_deploy: bool) -> None:
    """Make a new generation of keys, and refuse every older key within a minute of the deployment."""
    path, generation = _keys(session, client)
    editing.apply(
        session,
        Edit((*path, "generation"), generation + 1),
        Edit((*path, "revoked_before"), generation + 1),
        deploy=not no_deploy,
    )


def _keys(session: Session, client: str | None) -> tuple[tuple[str, ...], int]:
    """Where the generation of a set of keys is in the file, and what it is. Raises `Refused` while it is not
    deployed.
    """
    file = editing.own_file(session)
    config, before = checked(file), deployed.read(session, session.out)
    if client is None:
        if before:
            _check_deployed("the key generation", config.keys.generation, before.keys.generation)
        return ("keys",), config.keys.generation
    generations = {each.name: each.generation for each in config.read_clients}
    if client not in generations:
        if not generations:
            raise WrongInput(f"{short(file)} names no clients; add read_api: {{clients: [{client}]}}.")
        raise WrongInput(
            f"{client!r} is not a client of the read API in {short(file)}; {Suggest()(client, generations)}."
        )
    if client not in _named(read_yaml(file).data):
        raise WrongInput(
            f"{short(file)} takes its clients from the file that it extends; name that one with --twin."
        )
    known = {each.name: each.generation for each in before.read_clients} if before else {}
    if client in known:
        _check_deployed(f"the key generation of the client {client}", generations[client], known[client])
    return ("read_api", "clients", client), generations[client]


def _check_deployed(what: str, written: int, before: int) -> None:
    """Refuse a second step: no plan takes two at a time."""
    if written > before:
        raise Refused(
            f"twin.yaml says {what} is {written}, but {before} is deployed. Run twinspan plan and twinspan "
            "deploy first, and give the new keys to all who read; then run this command again."
        )


def _named(data: Mapping[str, Any]) -> list[str]:
    """The clients that one file lists itself."""
    read_api = data.get("read_api")
    listed = read_api.get("clients", []) if isinstance(read_api, Mapping) else []
    return [each["name"] if isinstance(each, Mapping) else each for each in listed]
