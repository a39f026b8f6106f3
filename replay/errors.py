"""What ends the command with a sentence."""


class ReplayError(Exception):
    """The work stopped; the text says why and what to do. Exit status 1."""


class UsageError(Exception):
    """The command line or a file that it names is wrong; the text names the fix. Exit status 2."""


class Stays(Exception):
    """A letter cannot be sent back; the text is the sentence that says why."""
