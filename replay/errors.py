"""Why a letter is kept; what ends the command is in `operations.errors`."""


class Stays(Exception):
    """A letter cannot be sent back; the text is the sentence that says why."""
