"""`twinspan events on|off`: switches the event system in twin.yaml, plans and deploys."""

import click

from command import editing
from command.edit import Edit
from command.session import Session

SCHEMA = editing.SCHEMA


@click.command()
@click.argument("state", type=click.Choice(["on", "off"]))
@click.option("--no-deploy", is_flag=True, help="Only edit the file.")
@click.pass_obj
def command(session: Session, state: str, no_deploy: bool) -> None:
    """Switch the event system on or off: edit events.enabled in twin.yaml, plan, deploy."""
    editing.apply(session, Edit(("events", "enabled"), state == "on"), deploy=not no_deploy)
