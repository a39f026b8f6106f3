"""`twinspan plan`: what a deployment would change, in the twin's words, and the plan for `deploy`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from command.exits import Exit, Refused
from command.plan import planning
from command.schemas import (
    ANYTHING,
    COUNT_OR_NULL,
    FLAG,
    FLAG_OR_NULL,
    TEXT,
    TEXT_OR_NULL,
    TEXTS,
    Schema,
    array,
    described,
    document,
)
from command.session import Session

_GENERATION = document(before=COUNT_OR_NULL, after=COUNT_OR_NULL)


def _rows(**fields: Schema) -> Schema:
    return array(document(**fields))


SCHEMA: Schema = document(
    twin=described(TEXT, "Name of the twin."),
    stacks=described(
        _rows(
            name=TEXT,
            create=TEXTS,
            change=TEXTS,
            replace=TEXTS,
            delete=TEXTS,
            outputs=FLAG,
            planned_again=FLAG,
        ),
        "Addresses by action. planned_again: deploy plans the stack again, when its inputs are known.",
    ),
    layers=document(
        appear=_rows(layer=TEXT, cloud=TEXT),
        move=_rows(layer=TEXT, **{"from": TEXT, "to": TEXT}),
        leave=_rows(layer=TEXT, cloud=TEXT),
    ),
    stores=described(
        _rows(
            store=TEXT,
            needs_consent=FLAG,
            allowed=FLAG,
            resources=_rows(
                address=TEXT,
                holds=TEXT,
                action={"enum": ["deleted", "replaced"]},
                because=TEXTS,
                contents=TEXT_OR_NULL,
                counts=FLAG,
            ),
        ),
        "Stores that lose a resource, and what is in it. allowed: --delete-data names it.",
    ),
    functions=_rows(function=TEXT, cloud=TEXT, what={"enum": ["appears", "goes", "code changes"]}),
    keys=document(generation=_GENERATION, revoked_before=_GENERATION),
    events=document(before=FLAG_OR_NULL, after=FLAG_OR_NULL),
    variables=described(
        _rows(variable=TEXT, value=ANYTHING, field=TEXT, file=ANYTHING),
        "Terraform variables whose value is not that of twin.yaml.",
    ),
    left=described(
        _rows(stack=TEXT, resources=COUNT_OR_NULL, advice=TEXT),
        "Stacks with resources that twin.yaml no longer names.",
    ),
    comparison={
        "type": ["object", "null"],
        "description": "The two configurations, where the last deployment is known on this machine.",
    },
    refused=described(TEXTS, "Why deploy would refuse the plan; exit status 4."),
)
"""JSON Schema of the document of `--json`. With `--against` it is `command.compare.schema.SCHEMA`."""


@click.command()
@click.option("--var", "given", multiple=True, metavar="NAME=VALUE", help="A Terraform variable.")
@click.option(
    "--delete-data",
    multiple=True,
    metavar="STORE",
    help="Let the deployment delete this store, such as hot_storage@aws. Repeat it for each store.",
)
@click.option(
    "--against",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Compare with another twin.yaml instead, without state, Terraform or login.",
)
@click.pass_obj
def command(
    session: Session, given: tuple[str, ...], delete_data: tuple[str, ...], against: Path | None
) -> Exit:
    """Say in the twin's words what a deployment would change, and save it.

    Exit status 4: the plan would delete data that no --delete-data names, or is otherwise refused.
    """
    if against:
        from command.compare.against import run

        return run(session, against, delete_data)
    found = show(session, given, delete_data)
    session.result(found)
    return Exit.REFUSED if found["refused"] else Exit.DONE


def run(session: Session) -> dict[str, Any]:
    """Plan and print the page; return the document. Raises `Refused` where the plan is."""
    found = show(session)
    if found["refused"]:
        raise Refused("Nothing was deployed.")
    return found


def show(session: Session, given: Sequence[str] = (), delete_data: Sequence[str] = ()) -> dict[str, Any]:
    """Plan and print the page; return the document."""
    outcome = planning.plan(session, variables=planning.variables_of(given), delete_data=delete_data)
    session.page(outcome.lines)
    return outcome.document
