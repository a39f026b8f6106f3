"""The command line: global options, the list of commands, and exit statuses."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import click

from command.exits import CommandError, Exit
from command.session import Session
from twinspan import __version__
from twinspan.config import ConfigErrors
from twinspan.twinfile import WrongTwin

COMMANDS = {
    "check": "Report every problem of a twin.yaml.",
    "plan": "Say in the twin's words what a deployment would change, and save it.",
    "deploy": "Apply the saved plan.",
    "destroy": "Remove a twin, but no data that is not named.",
    "status": "Say what is deployed, and how it is.",
    "events": "Switch the event system on or off.",
    "keys": "Rotate or revoke keys.",
}
"""Each command, in a module of its name below `command.commands`, with the line that `--help` shows."""


class Lazy(click.Group):
    """Imports a command when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return import_module(f"command.commands.{cmd_name.replace('-', '_')}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Lazy)
@click.option(
    "--twin",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The twin's file (default: $TWIN, ./twin.yaml, or the example).",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.version_option(__version__, prog_name="twinspan")
@click.pass_context
def cli(context: click.Context, twin: Path | None, as_json: bool) -> None:
    """Infrastructure for an IoT digital twin whose layers live in different clouds."""
    context.obj = Session(twin=twin, as_json=as_json)


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit status (`command.exits`)."""
    try:
        status = cli.main(arguments, prog_name="twinspan", standalone_mode=False)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return Exit.WRONG_INPUT
    except (ConfigErrors, WrongTwin) as error:
        print(error, file=sys.stderr)
        return Exit.WRONG_INPUT
    except CommandError as error:
        print(error, file=sys.stderr)
        return error.exit
    except (KeyboardInterrupt, click.Abort):
        print("Interrupted.", file=sys.stderr)
        return Exit.INTERRUPTED
    return int(status or 0)
