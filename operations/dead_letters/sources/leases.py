"""Receive every message of a queue once, whatever their number."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from operations.dead_letters.letters import Letter, Received
from twin_runtime import times
from twin_runtime.delivery import dead_letters
from twin_runtime.ports import Queue

_RELEASED_AT_ONCE = 500


class LeasedSource(ABC):
    """`Source` on a queue with a visibility timeout.

    Kept messages stay hidden until the end, or the service would deliver them again and again. Their handles
    are in a file and a digest of each message is in memory, so that a long queue needs little memory.
    `patience` is the number of empty answers in a row that end the run, because a distributed service does
    not always ask all of its machines. A run that outlasts its leases receives messages again: it skips them,
    and ends after a whole round of them.
    """

    patience = 3
    pause_s = 0.2

    def __init__(self) -> None:
        self._seen: set[bytes] = set()
        self._page: dict[str, Received] = {}
        self._kept = tempfile.TemporaryFile("w+", encoding="ascii")  # noqa: SIM115 - open for the run

    def pages(self) -> Iterator[Sequence[Received]]:
        idle = again = 0
        while idle < self.patience and (not again or again < len(self._seen)):
            if idle:
                time.sleep(self.pause_s)
            received = self._receive()
            self._keep_page()
            # A message that is delivered again has a new handle, and only the new one releases it.
            self._page = {message.id: message for message in received}
            new = [message for message in self._page.values() if self._is_new(message)]
            idle = 0 if received else idle + 1
            again = 0 if new else again + len(received)
            if new:
                yield new

    def delete(self, messages: Sequence[Received]) -> None:
        if messages:
            self._delete(messages)
            for message in messages:
                self._page.pop(message.id, None)

    def replace(self, message: Received, left: Sequence[Letter]) -> None:
        queue = self._queue()
        queue.send(
            [
                dead_letters.encode(
                    letter.content,
                    role=letter.content.role or "queue",
                    time=times.from_epoch(letter.at),
                    max_bytes=queue.max_body_bytes,
                )
                for letter in left
            ]
        )
        self.delete([message])

    def __enter__(self) -> LeasedSource:
        return self

    def __exit__(self, *_: object) -> None:
        self._keep_page()
        self._kept.seek(0)
        handles: list[Any] = []
        for line in self._kept:
            handles.append(json.loads(line))
            if len(handles) == _RELEASED_AT_ONCE:
                self._release(handles)
                handles = []
        if handles:
            self._release(handles)
        self._kept.close()

    @abstractmethod
    def _receive(self) -> list[Received]:
        """Receive some messages, with handles that JSON can represent."""

    @abstractmethod
    def _delete(self, messages: Sequence[Received]) -> None: ...

    @abstractmethod
    def _release(self, handles: Sequence[Any]) -> None:
        """Make the messages visible again; ignores those that no longer exist."""

    @abstractmethod
    def _queue(self) -> Queue:
        """Return the port to send to the same queue."""

    def _is_new(self, message: Received) -> bool:
        digest = hashlib.blake2b(message.id.encode(), digest_size=8).digest()
        if digest in self._seen:
            return False
        self._seen.add(digest)
        return True

    def _keep_page(self) -> None:
        for message in self._page.values():
            self._kept.write(json.dumps(message.handle) + "\n")
        self._page = {}
