"""`twinspan check`: every problem of a twin.yaml at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from command.exits import Exit
from command.schemas import NUMBER_OR_NULL, TEXT, array, document
from command.session import Session
from twinspan.config import Config, ConfigErrors
from twinspan.twinfile import checked, short

SCHEMA: Mapping[str, Any] = document(
    problems=array(document(field=TEXT, message=TEXT, line=NUMBER_OR_NULL)), warnings=array(TEXT)
)


@click.command()
@click.pass_obj
def command(session: Session) -> int:
    """Report every problem of a twin.yaml, each with its line, field and fix; exit status 2 if there is one.

    Warnings leave the exit status 0.
    """
    path = session.file()
    try:
        warnings = list(_warnings(checked(path)))
    except ConfigErrors as errors:
        problems = [
            {"field": each.field, "message": each.message, "line": each.line} for each in errors.problems
        ]
        session.result({"problems": problems, "warnings": []})
        session.warn(str(errors))
        return Exit.WRONG_INPUT
    for warning in warnings:
        session.warn(f"{short(path)}: {warning}")
    session.result({"problems": [], "warnings": warnings})
    return Exit.DONE


def _warnings(config: Config) -> list[str]:
    """Return a warning about rules without a decision on `enabled`."""
    events = config.events
    if not events.rules or events.enabled or "enabled" in events.model_fields_set:
        return []
    return [
        "the rules under events have no effect, since enabled is false by default; "
        "write enabled: true, or enabled: false if you enable events at deploy time."
    ]
