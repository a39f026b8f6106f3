"""Where dead letters are taken from, the same on every cloud."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from replay.letters import Letter, Received

LEASE_S = 600
"""How long a message that was taken is hidden from others: the longest that every service allows. A run that
is killed leaves its letters hidden for that long."""


class Source(Protocol):
    """One place of dead letters, for one run. Use it as a context manager.

    What was not deleted is given back at the end, also when the run is interrupted. Raises
    `twin_runtime.errors.Retry`.
    """

    def pages(self) -> Iterator[Sequence[Received]]:
        """Every message once, a bounded number at a time."""
        ...

    def delete(self, messages: Sequence[Received]) -> None:
        """Remove messages of the current page for good."""
        ...

    def replace(self, message: Received, left: Sequence[Letter]) -> None:
        """Leave only these letters of a message of several: they are durable before the others go."""
        ...

    def __enter__(self) -> Source: ...

    def __exit__(self, *_: object) -> None: ...
