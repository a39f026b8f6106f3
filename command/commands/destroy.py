"""`twinspan destroy`: removes a twin, but no data that is not named."""

from __future__ import annotations

import click

from command.exits import Exit, WrongInput
from command.plan.destroying import Destroying
from command.schemas import TEXT, TEXTS, Schema, array, described, document
from command.session import Session

SCHEMA: Schema = document(
    destroyed=described(TEXTS, "Stacks that are destroyed."),
    failed=array(document(stack=TEXT, reason=TEXT)),
)
"""JSON Schema of the document of `--json`."""


@click.command()
@click.option(
    "--delete-data",
    multiple=True,
    metavar="STORE",
    help="Delete this store too, such as hot_storage@aws. Repeat it for each store.",
)
@click.option("--yes", is_flag=True, help="Do not ask for the twin's name.")
@click.pass_obj
def command(session: Session, delete_data: tuple[str, ...], yes: bool) -> Exit:
    """Remove a twin, but no data that is not named.

    Exit status 4: data is protected, and no --delete-data names it.
    """
    destroying = Destroying(session, delete_data=delete_data)
    doomed = destroying.plan()
    name = session.config.name
    for store in doomed.stores:
        for each in store["resources"]:
            session.say(f"{store['store']}  {each['holds']}: {each['contents']}  ({each['address']})")
    session.say(f"This deletes {doomed.resources} resources of the twin {name}.")
    if (
        not yes
        and doomed.resources
        and click.prompt("Write the twin's name to delete them", err=True) != name
    ):
        raise WrongInput("That is not the twin's name: nothing was deleted.")
    return destroying.run(doomed)
