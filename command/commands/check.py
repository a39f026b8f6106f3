"""`twinspan check`: every problem of a twin.yaml at once."""

import click

from command.session import Session
from twinspan.twinfile import checked


@click.command()
@click.pass_obj
def command(session: Session) -> None:
    """Report every problem of a twin.yaml; exit status 2 if there is one."""
    checked(session.file())
    session.result({"problems": []})
