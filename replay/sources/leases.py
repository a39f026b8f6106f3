"""Taking every message of a queue once, without knowing how many there are."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from replay.letters import Letter, Received
from twin_runtime import times
from twin_runtime.delivery import dead_letters

_RELEASED_AT_ONCE = 500
_PAUSE_S = 0.2


class LeasedSource(ABC):
    """`Source` on a queue that hides a message from others while somebody looks at it.

    A message that is kept stays hidden until the end, else the service would hand it out again and again. The
    handles to give back lie in a file, and of each message seen a digest in memory, so that a long queue
    costs little. `patience` is how often in a row the queue may answer with nothing before it counts as read:
    a service of several machines does not always ask all of them. In a run that outlasts its leases messages
    come again: those are passed over, and a whole round of them is the end as well.
    """

    patience = 3

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep
        self._seen: set[bytes] = set()
        self._page: dict[str, Received] = {}
        self._kept = tempfile.TemporaryFile("w+", encoding="ascii")  # noqa: SIM115 - open for the run

    def pages(self) -> Iterator[Sequence[Received]]:
        idle = again = 0
        while idle < self.patience and (not again or again < len(self._seen)):
            if idle:
                self._sleep(_PAUSE_S)
            received = self._receive()
            self._keep_page()
            # A message that comes again has a new handle: that one gives it back.
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
        self._send(
            [
                dead_letters.encode(
                    letter.content,
                    role=letter.content.role or "queue",
                    time=times.from_epoch(letter.at),
                    max_bytes=self._max_body_bytes(),
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
        """Some messages, with handles that JSON can carry."""

    @abstractmethod
    def _delete(self, messages: Sequence[Received]) -> None: ...

    @abstractmethod
    def _release(self, handles: Sequence[Any]) -> None:
        """Let others see these messages again. One that is gone is no error."""

    @abstractmethod
    def _send(self, bodies: Sequence[str]) -> None:
        """Put messages into the same place; durable on return."""

    @abstractmethod
    def _max_body_bytes(self) -> int: ...

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
