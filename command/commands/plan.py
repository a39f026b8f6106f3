"""`twinspan plan`: what a deployment would change, in the twin's words, and the plan for `deploy`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from command.exits import Exit, Refused
from command.plan import planning
from command.session import Session

_NAMES = {"type": "array", "items": {"type": "string"}}
_CHANGE = {
    "type": "object",
    "properties": {"before": {"type": ["integer", "null"]}, "after": {"type": ["integer", "null"]}},
    "required": ["before", "after"],
}


def _rows(**properties: Any) -> dict[str, Any]:
    row = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "array", "items": row}


_TEXT, _FLAG = {"type": "string"}, {"type": "boolean"}
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "twinspan plan --json",
    "type": "object",
    "properties": {
        "twin": {"type": "string", "description": "Name of the twin."},
        "stacks": {
            **_rows(
                name=_TEXT,
                create=_NAMES,
                change=_NAMES,
                replace=_NAMES,
                delete=_NAMES,
                outputs=_FLAG,
                planned_again=_FLAG,
            ),
            "description": "Addresses by action. planned_again: deploy plans the stack again, when its "
            "inputs are known.",
        },
        "layers": {
            "type": "object",
            "properties": {
                "appear": _rows(layer=_TEXT, cloud=_TEXT),
                "move": _rows(layer=_TEXT, **{"from": _TEXT, "to": _TEXT}),
                "leave": _rows(layer=_TEXT, cloud=_TEXT),
            },
            "required": ["appear", "move", "leave"],
        },
        "stores": {
            **_rows(
                store=_TEXT,
                needs_consent=_FLAG,
                allowed=_FLAG,
                resources=_rows(
                    address=_TEXT,
                    holds=_TEXT,
                    action={"enum": ["deleted", "replaced"]},
                    because=_NAMES,
                    contents={"type": ["string", "null"]},
                    counts=_FLAG,
                ),
            ),
            "description": "Stores that lose a resource, and what is in it. allowed: --delete-data names it.",
        },
        "functions": _rows(function=_TEXT, cloud=_TEXT, what={"enum": ["appears", "goes", "code changes"]}),
        "keys": {
            "type": "object",
            "properties": {"generation": _CHANGE, "revoked_before": _CHANGE},
            "required": ["generation", "revoked_before"],
        },
        "events": {
            "type": "object",
            "properties": {
                "before": {"type": ["boolean", "null"]},
                "after": {"type": ["boolean", "null"]},
            },
            "required": ["before", "after"],
        },
        "variables": {
            **_rows(variable=_TEXT, value={}, field=_TEXT, file={}),
            "description": "Terraform variables whose value is not that of twin.yaml.",
        },
        "left": {
            **_rows(stack=_TEXT, resources={"type": ["integer", "null"]}, advice=_TEXT),
            "description": "Stacks with resources that twin.yaml no longer names.",
        },
        "comparison": {
            "type": ["object", "null"],
            "description": "The two configurations, where the last deployment is known on this machine.",
        },
        "refused": {**_NAMES, "description": "Why deploy would refuse the plan; exit status 4."},
    },
    "required": [
        "twin",
        "stacks",
        "layers",
        "stores",
        "functions",
        "keys",
        "events",
        "variables",
        "left",
        "comparison",
        "refused",
    ],
}
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
    document = show(session, given, delete_data)
    session.result(document)
    return Exit.REFUSED if document["refused"] else Exit.DONE


def run(session: Session) -> dict[str, Any]:
    """Plan and print the page; return the document. Raises `Refused` where the plan is."""
    document = show(session)
    if document["refused"]:
        raise Refused("Nothing was deployed.")
    return document


def show(session: Session, given: Sequence[str] = (), delete_data: Sequence[str] = ()) -> dict[str, Any]:
    """Plan and print the page; return the document."""
    outcome = planning.plan(session, variables=planning.variables_of(given), delete_data=delete_data)
    session.page(outcome.lines)
    return outcome.document
