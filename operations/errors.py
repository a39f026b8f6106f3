"""What ends a command with a sentence."""


class OperationError(Exception):
    """The work stopped; the text says why and what to do. Exit status 1."""


class UsageError(Exception):
    """The command line or a file that it names is wrong; the text names the fix. Exit status 2."""
