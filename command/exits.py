"""The exit statuses of every command, and the errors that lead to them, whose text is for the operator."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit statuses, as docs/command.md lists them."""

    DONE = 0
    FAILED = 1
    """A service, Terraform or a part of the work failed."""
    WRONG_INPUT = 2
    """The command line, twin.yaml or a file that the command line names is wrong. Nothing was changed."""
    NOT_YET = 3
    """Archived files are not readable yet, or what was deleted is to be checked."""
    REFUSED = 4
    """The change would delete data, or is otherwise refused, until a flag or a line of twin.yaml allows it.
    Nothing was changed.
    """
    INTERRUPTED = 130


class CommandError(Exception):
    """Ends a command: what is wrong and the next step, in one sentence or two."""

    exit = Exit.FAILED


class WrongInput(CommandError):
    exit = Exit.WRONG_INPUT


class Refused(CommandError):
    exit = Exit.REFUSED
