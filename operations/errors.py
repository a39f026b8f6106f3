"""Errors that end a command; the text is one sentence for the operator."""


class OperationError(Exception):
    """A service or a file is at fault; the text says what to do. Exit status 1."""


class UsageError(Exception):
    """The command line, or a file that it names, is wrong; the text says how to fix it. Exit status 2."""
