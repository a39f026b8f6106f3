"""What every client does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

OnCommand = Callable[[Mapping[str, Any]], None]
"""Takes a command, a CloudEvent of type `twinspan.command.v1`. Called from a thread of the client's."""


class Client(ABC):
    """One device, connected. Use it from one thread at a time, and as a context manager."""

    @abstractmethod
    def send(self, body: bytes) -> None:
        """Publish a message; on return the broker has it. Raises `NotAcknowledged`."""

    @abstractmethod
    def send_as(self, other: str, body: bytes) -> None:
        """Publish as a device that would pass for `other`, with its own credentials. Raises
        `NotAcknowledged`, which is what a broker that checks names makes of it.
        """

    @abstractmethod
    def on_command(self, callback: OnCommand) -> None:
        """Hand over every command from now on, repetitions too. On return the broker knows of it. Raises
        `NotConnected`.
        """

    @abstractmethod
    def close(self) -> None:
        """Disconnect. More than once does no harm."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
