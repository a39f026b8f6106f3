"""`twinspan demo`: the twin on emulators, on this machine."""

from __future__ import annotations

from dataclasses import asdict

import click

from command.app import BEGAN
from command.exits import Exit, WrongInput
from command.schemas import COUNT, FLAG, document
from command.session import Session
from local_cloud.demo.screen import Screen
from local_cloud.errors import LocalCloudError
from simulator.errors import SimulatorError
from twinspan.twinfile import checked

SCHEMA = document(
    good=FLAG,
    messages=COUNT,
    repetitions=COUNT,
    readings=COUNT,
    unfit=COUNT,
    unacknowledged=COUNT,
    sent=COUNT,
    stored=COUNT,
    lost=COUNT,
    rows=COUNT,
    duplicates=COUNT,
    unexpected=COUNT,
    dead_letters=COUNT,
)


@click.command()
@click.option(
    "--keep", is_flag=True, help="Leave everything running until Ctrl-C, and print commands to try."
)
@click.pass_obj
def command(session: Session, keep: bool) -> int:
    """Run the twin on this machine, on emulators of its clouds, and show its data flow.

    Needs what `make local-cloud` installs. Scratch files are in .local-cloud, or in the folder that
    TWINSPAN_LOCAL_CLOUD_FOLDER names. Exit status 1 if an event was lost or stored twice.
    """
    from local_cloud.demo.start import demonstrate

    if keep and session.as_json:
        raise WrongInput("--keep runs until Ctrl-C and prints no document: omit --json.")
    path = session.file()
    config = checked(path)
    try:
        outcome, good = demonstrate(config, path, Screen(BEGAN, session.people), keep=keep)
    except (LocalCloudError, SimulatorError) as error:
        raise WrongInput(str(error)) from None
    except KeyboardInterrupt:
        session.warn("\nEnded.")
        return Exit.INTERRUPTED
    session.result({"good": good, **asdict(outcome)})
    return Exit.DONE if good else Exit.FAILED
