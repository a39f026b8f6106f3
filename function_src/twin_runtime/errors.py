"""The errors that cross a port: try again later, or never."""

from __future__ import annotations


class Retry(Exception):
    """The work was not done and may succeed later: the message goes back to its queue.

    `after` is the number of seconds the other side asked to wait, where it did.
    The text names no key, secret or payload: it is logged and may stand in a dead letter.
    """

    def __init__(self, reason: str, *, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class Throttled(Retry):
    """The service asked for less: a receiver answers 429 where it answers 503 for any other `Retry`."""


class SecretMissing(Retry):
    """The secret, or its first version, does not exist yet: the `links` stack has not been applied."""


class Refused(Exception):
    """The other side will never take this one thing, such as a command for a device that it does not know."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ConfigurationError(Exception):
    """The package or the environment of the function is wrong; the text says what to change."""
