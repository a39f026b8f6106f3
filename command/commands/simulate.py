"""`twinspan simulate`: a fleet of simulated devices. See docs/devices.md."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from command.exits import Exit, WrongInput
from command.schemas import COUNT, NUMBER, NUMBER_OR_NULL, TEXT, by_name, document
from command.session import ROOT, Session
from simulator import cli
from simulator.errors import SimulatorError
from simulator.run import Run

SCHEMA = document(
    sent=COUNT,
    acknowledged=COUNT,
    failed=COUNT,
    messages=COUNT,
    faults=by_name(COUNT),
    refused=by_name(COUNT),
    commands=COUNT,
    commands_repeated=COUNT,
    p50=NUMBER_OR_NULL,
    p95=NUMBER_OR_NULL,
    elapsed=NUMBER,
    seed=COUNT,
    reasons=by_name(COUNT),
    unconnected=by_name(TEXT),
)


def _option(name: str, fields: Mapping[str, Any]) -> click.Option:
    text = fields["help"]
    flag = fields.get("action") == "store_true"
    return click.Option(
        [name],
        is_flag=flag,
        type=None if flag else fields.get("type"),
        default=False if flag else fields.get("default"),
        metavar=fields.get("metavar"),
        help=f"{text[:1].upper()}{text[1:]}.",
    )


@click.command(params=[_option(name, fields) for name, fields in cli.OPTIONS.items()])
@click.option("--count", type=int, metavar="N", help="Stop after N readings.")
@click.option("--duration", type=float, metavar="S", help="Stop after S seconds.")
@click.option("--no-commands", is_flag=True, help="Do not receive commands.")
@click.option(
    "--record",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a JSON line for each sent reading.",
)
@click.pass_obj
def command(session: Session, record: Path | None, **given: Any) -> int:
    """Send readings of simulated devices over their broker's protocol. Stop it with Ctrl-C.

    Exit status 1 if a message that should be acknowledged was not.
    """
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    # Microsoft's client logs each lost connection with a stack trace; the report counts them.
    logging.getLogger("azure.iot.device").setLevel(logging.CRITICAL)
    options = argparse.Namespace(twin=session.twin, **given)
    try:
        fleet, where = cli.fleet_and_endpoint(options, session.environment, root=ROOT)
        run = Run(fleet, where, cli.options(options), record=record)
    except SimulatorError as error:
        raise WrongInput(str(error)) from None
    report = run.go()
    session.result(report.document())
    if not session.as_json:
        session.say(report.text())
    return Exit.DONE if report.good else Exit.FAILED
