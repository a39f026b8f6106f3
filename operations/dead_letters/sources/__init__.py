"""Receive dead letters; the same protocol on every cloud.

Each cloud's module has `connect(location, reach)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from operations.dead_letters.letters import Letter, Received


class Source(Protocol):
    """The dead letters of one location, for one run. Use it as a context manager.

    Messages that were not deleted are released on exit, also after an interrupt. Raises
    `twin_runtime.errors.Retry`.
    """

    def pages(self) -> Iterator[Sequence[Received]]:
        """Yield every message once, a bounded number at a time."""
        ...

    def delete(self, messages: Sequence[Received]) -> None:
        """Delete messages of the current page."""
        ...

    def replace(self, message: Received, left: Sequence[Letter]) -> None:
        """Keep only these letters of a message of several; they are durable before the message is deleted."""
        ...

    def __enter__(self) -> Source: ...

    def __exit__(self, *_: object) -> None: ...
