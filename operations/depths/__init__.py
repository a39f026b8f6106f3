"""Count the messages of each hop: those that wait, and dead letters. Receives none of them.

Each cloud's module has `connect(location, reach)`, which returns a `Depths`.
"""

from __future__ import annotations

from typing import Protocol

from operations.dead_letters.locations import Location

QUEUES = ("queue", "dispatcher")
"""The kinds of hops whose target is a queue."""


class Depths(Protocol):
    """The counts of one location, as far as the service tells them. Raises `twin_runtime.errors.Retry`."""

    def letters(self) -> int | None:
        """Return the number of dead letters, None where the service does not tell it. A dead letter that
        Event Grid wrote is a file of several events.
        """
        ...

    def waiting(self) -> int | None:
        """Return the number of messages in the hop's queue, None where the service does not tell it."""
        ...


def has_queue(location: Location) -> bool:
    """Whether messages wait in front of the hop in a queue."""
    return location.kind in QUEUES
