"""`twinspan check`: every problem of a twin.yaml at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from command.exits import Exit
from command.schemas import NUMBER_OR_NULL, TEXT, TEXT_OR_NULL, array, document
from command.session import Session
from command.state import vanished
from twinspan.config import Config, ConfigErrors, Problem
from twinspan.twinfile import checked, short

SCHEMA: Mapping[str, Any] = document(
    problems=array(document(file=TEXT_OR_NULL, field=TEXT, message=TEXT, line=NUMBER_OR_NULL)),
    warnings=array(TEXT),
)


@click.command()
@click.pass_obj
def command(session: Session) -> int:
    """Report every problem of a twin.yaml, each with its line, field and fix; exit status 2 if there is one.

    Each processor is run on generated readings, as in the cloud (see docs/processors.md). Packages that
    processors require are downloaded once. Warnings leave the exit status 0.
    """
    path = session.file()
    try:
        config = checked(path, fetch=True, extra_checks=(_processor_problems,))
    except ConfigErrors as errors:
        problems = [
            {"file": each.file, "field": each.field, "message": each.message, "line": each.line}
            for each in errors.problems
        ]
        session.result({"problems": problems, "warnings": []})
        session.warn(str(errors))
        return Exit.WRONG_INPUT
    warnings = [*_warnings(config), *map(str, vanished(config, session.out))]
    for warning in warnings:
        session.warn(f"{short(path)}: {warning}")
    session.say(f"{short(path)} has no problems.")
    session.result({"problems": [], "warnings": warnings})
    return Exit.DONE


def _processor_problems(config: Config) -> Iterator[Problem]:
    """Yield how the processors fail on generated readings."""
    if any(device_type.processor for device_type in config.device_types.values()):
        from simulator import trial  # a twin without processors need not wait for it

        yield from trial.problems(config)


def _warnings(config: Config) -> list[str]:
    """Return a warning about rules without a decision on `enabled`."""
    events = config.events
    if not events.rules or events.enabled or "enabled" in events.model_fields_set:
        return []
    return [
        "the rules under events have no effect, since enabled is false by default; "
        "write enabled: true, or enabled: false if you enable events at deploy time."
    ]
