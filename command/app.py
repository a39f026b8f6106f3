"""The command line: options of every command, the list of commands, and exit statuses.

Nothing of the product is imported before it is needed: completing a word must be quick.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

import click
from click.shell_completion import CompletionItem

from command.exits import CommandError, Exit, WrongInput
from twinspan import __version__

BEGAN = time.time()
"""Unix time at which the command was started, to a tenth of a second."""
COMMANDS = {
    "init": "Write a twin.yaml, from answers or options.",
    "check": "Report every problem of a twin.yaml and of its processors.",
    "processor": "Run a processor on this machine.",
    "synth": "Write the twin's Terraform to cdktf.out/, and print a summary.",
    "plan": "Say in the twin's words what a deployment would change, and save it.",
    "deploy": "Apply the saved plan.",
    "destroy": "Remove a twin, but no data that is not named.",
    "status": "Say what is deployed, and how it is.",
    "events": "Switch the event system on or off.",
    "keys": "Rotate or revoke keys.",
    "dead-letters": "List, resend or delete dead letters.",
    "restore": "Read events from the cold and archive tiers, and load them into the hot store.",
    "data": "Delete the readings of a device.",
    "simulate": "Send readings of simulated devices to the twin's broker.",
    "demo": "Run the twin on this machine, on emulators, and show its data flow.",
    "completion": "Print the completion script of a shell.",
}
"""Each command, in a module of its name below `command.commands`, with the line that `--help` shows."""

NO_TWIN = ("init", "completion")
"""Commands that read no twin.yaml."""


def module_name(command: str) -> str:
    """Return the name of a command's module."""
    return f"command.commands.{command.replace('-', '_')}"


class Commands(click.Group):
    """A group of commands that names the nearest one to a misspelt word."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-"):
            from twinspan.config.text import suggestion

            ctx.fail(f"{args[0]!r} is not a command; {suggestion(args[0], known)}")
        return super().resolve_command(ctx, args)


class Lazy(Commands):
    """Imports a command when it runs, and adds `--twin` and `--json` to it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return _with_common(
            import_module(module_name(cmd_name)).command, _common(twin=cmd_name not in NO_TWIN)
        )

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete from the list alone: importing every command takes seconds."""
        found = [CompletionItem(name, help=text) for name, text in COMMANDS.items()]
        return [
            *(item for item in found if item.value.startswith(incomplete)),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]


def _store(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Hand an option of every command to the session, which the first one creates."""
    from command.session import Session

    session = context.ensure_object(Session)
    if not value:
        return
    if isinstance(value, Path) and not value.exists():
        raise WrongInput(f"--twin {value} does not exist: give the path of a twin.yaml.")
    assert parameter.name is not None
    setattr(session, parameter.name, value)


def _common(*, twin: bool = True) -> list[click.Option]:
    options = [
        click.Option(
            ["--twin"],
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="The twin's file (default: $TWIN, ./twin.yaml, or the example).",
            expose_value=False,
            callback=_store,
        ),
        click.Option(
            ["as_json", "--json"],
            is_flag=True,
            help="Print one JSON document.",
            expose_value=False,
            callback=_store,
        ),
    ]
    return options if twin else options[1:]


def _with_common(command: click.Command, options: Sequence[click.Option]) -> click.Command:
    """Add to a command, or to each command of a group, the options that every command has."""
    if isinstance(command, click.Group):
        for each in command.commands.values():
            _with_common(each, options)
        return command
    known = {name for parameter in command.params for name in parameter.opts}
    command.params += [option for option in options if known.isdisjoint(option.opts)]
    return command


@click.group(cls=Lazy, params=list(_common()), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="twinspan")
def cli() -> None:
    """Infrastructure for an IoT digital twin whose layers live in different clouds."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status (`command.exits`)."""
    try:
        with _sigterm_interrupts():
            status = cli.main(
                None if arguments is None else list(arguments), prog_name="twinspan", standalone_mode=False
            )
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return Exit.WRONG_INPUT
    except BrokenPipeError:  # the reader of the output, such as head, has exited
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    except (KeyboardInterrupt, click.Abort):
        print("Interrupted.", file=sys.stderr)
        return Exit.INTERRUPTED
    except Exception as error:
        said = _said(error)
        if said is None:
            raise
        print(said[0], file=sys.stderr)
        return said[1]
    finally:
        # Ctrl-C in exec() of a string, as dataclasses call it at import, leaves a mark on CPython, also where
        # the interrupt is handled: the process would die of SIGINT instead of exiting with a status. The next
        # exec() of a string takes the mark away.
        exec("")  # noqa: S102
    return int(status or 0)


def _said(error: Exception) -> tuple[str, Exit] | None:
    """Return the text and the exit status of an error that is meant for the operator, None for another."""
    from operations.errors import OperationError, UsageError
    from simulator.errors import SimulatorError
    from twin_runtime.errors import Refused, Retry
    from twinspan.config import ConfigErrors
    from twinspan.twinfile import WrongTwin
    from twinspan.vendoring import PackagesError

    match error:
        case click.ClickException():
            return _sentence(error), Exit.WRONG_INPUT
        case CommandError():
            return str(error), error.exit
        case ConfigErrors() | PackagesError() | WrongTwin() | UsageError():
            return str(error), Exit.WRONG_INPUT
        case OperationError() | SimulatorError():
            return str(error), Exit.FAILED
        case Retry() | Refused():
            return f"{error.reason} Run the command again.", Exit.FAILED
        case ModuleNotFoundError():
            missing = f"The package of {error.name} is not installed: pip install -r"
            return f"{missing} requirements-operations.txt.", Exit.FAILED
    return None


def _sentence(error: click.ClickException) -> str:
    """Return one line that says what is wrong with the command line, and where its options are listed."""
    text = error.format_message().strip().replace("\n", " ")
    end = "" if text.endswith((".", "?", "?)")) else "."
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{text}{end} See {context.command_path} --help." if context else f"{text}{end}"


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C, so that a command releases what it holds."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def former(name: str, now: str, prefix: Sequence[str] = ()) -> int:
    """Run what `python -m <name>` ran before, after a notice; return the exit status."""
    print(f"python -m {name} will go in the next release: use {now}.", file=sys.stderr)
    return main([*prefix, *sys.argv[1:]])


def schemas(command: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the JSON schema of the document of a command, by the words that call it.

    Raises KeyError for a command without one.
    """
    module = import_module(module_name(command))
    found: Mapping[str, Any] = module.SCHEMA
    if not isinstance(module.command, click.Group):
        return {command: found}
    return {f"{command} {name}": found.get(name, found) for name in module.command.commands}
