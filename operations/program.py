"""The command line of both programs, and their exit status."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import operations.dead_letters.commands
import operations.restore.commands
from operations.arguments import Parser
from operations.errors import OperationError, UsageError
from twin_runtime.errors import Refused, Retry
from twinspan.config import ConfigErrors

INTERRUPTED = 130


def main(arguments: Sequence[str], *, root: Path) -> int:
    """Run a command and return its exit status.

    0: done. 1: a service failed, or a part of the work could not be done. 2: the command line, twin.yaml or a
    file that the command line names is wrong. 3: archived files are not readable yet. 130: interrupted.
    """
    try:
        given = parser().parse_args(arguments)
        return given.run(given, root)
    except (UsageError, ConfigErrors) as error:
        return _fail(str(error), 2)
    except OperationError as error:
        return _fail(str(error), 1)
    except (Retry, Refused) as error:
        return _fail(f"{error.reason} Run the command again.", 1)
    except ModuleNotFoundError as error:
        return _fail(
            f"The package of {error.name} is not installed: pip install -r requirements-operations.txt.", 1
        )
    except BrokenPipeError:  # the reader of the output, such as head, has exited
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _fail("Interrupted: run the command again to complete it.", INTERRUPTED)


def parser() -> argparse.ArgumentParser:
    """Return the parser; parsed arguments have the command as `run`."""
    made = Parser(prog="python -m operations", description="Operates a deployed twin.")
    programs = made.add_subparsers(dest="program", required=True, metavar="dead-letters|restore")
    for name, package in (
        ("dead-letters", operations.dead_letters.commands),
        ("restore", operations.restore.commands),
    ):
        package.add_to(programs.add_parser(name, help=package.HELP, description=package.HELP))
    return made


def _fail(sentence: str, status: int) -> int:
    print(sentence, file=sys.stderr)
    return status
