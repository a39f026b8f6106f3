"""`twinspan deploy`: applies the plan that `twinspan plan` saved."""

from __future__ import annotations

import sys
from typing import Any

import click

from command.commands import plan as plan_command
from command.exits import CommandError, Exit, WrongInput
from command.plan import facts, saved
from command.plan.applying import Deploying
from command.schemas import COUNT, TEXT, TEXTS, Schema, array, by_name, described, document
from command.session import Session

NO_PLAN = "There is no saved plan: run twinspan plan, and read its page."
SCHEMA: Schema = document(
    deployed=described(TEXTS, "Stacks that are deployed."),
    failed=array(document(stack=TEXT, reason=TEXT, done=described(COUNT, "Changes that were made."))),
    not_begun=TEXTS,
    endpoints=described(by_name(TEXT), "broker_endpoint, telemetry_api_url, graph_api_url, grafana_url."),
)
"""JSON Schema of the document of `--json`."""


@click.command()
@click.option("--yes", is_flag=True, help="Without a saved plan: plan, and apply it if nothing is refused.")
@click.pass_obj
def command(session: Session, yes: bool) -> Exit:
    """Apply the saved plan: the clouds side by side, then links."""
    plan = saved.load(session.out)
    if plan is None:
        plan = _planned(session, yes)
    deploying = Deploying(session, plan)
    session.result(deploying.run())
    return deploying.status


def run(session: Session) -> dict[str, Any]:
    """Apply the saved plan; return the document. Raises `CommandError` where a stack is not deployed."""
    plan = saved.load(session.out)
    if plan is None:
        raise WrongInput(NO_PLAN)
    deploying = Deploying(session, plan)
    found = deploying.run()
    if deploying.status is Exit.INTERRUPTED:
        raise KeyboardInterrupt
    if deploying.status:
        raise CommandError("The twin is not deployed completely.")
    return found


def _planned(session: Session, yes: bool) -> saved.Saved:
    """Plan now, and show the page. Raises `WrongInput` where nobody can be asked."""
    asked = not yes and sys.stdin.isatty() and not session.as_json
    if not yes and not asked:
        raise WrongInput(NO_PLAN)
    shown = plan_command.run(session)
    if asked and facts.changes(shown):
        click.confirm("Deploy this?", abort=True)
    plan = saved.load(session.out)
    assert plan is not None  # just made
    return plan
