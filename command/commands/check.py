"""`twinspan check`: every problem of a twin.yaml at once."""

import click

from command.session import Session
from command.state import vanished
from twinspan.twinfile import checked


@click.command()
@click.pass_obj
def command(session: Session) -> None:
    """Report every problem of a twin.yaml; exit status 2 if there is one.

    Warns of clouds that it no longer names and that a state still knows.
    """
    config = checked(session.file())
    warnings = [str(each) for each in vanished(config, session.out)]
    for warning in warnings:
        session.warn(warning)
    session.result({"problems": [], "warnings": warnings})
