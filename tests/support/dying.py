"""A client of a service in a process that dies at one of its calls."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Killed(BaseException):
    """Stands for the end of the process: no handler of errors catches it."""


class Fuse:
    """Lets so many calls pass. At the next one the process dies: before the service gets the call, or where
    it is `done`, before its answer arrives. After that, every call fails.
    """

    def __init__(self, calls: int, *, done: bool) -> None:
        self._left = calls
        self._done = done
        self._lock = threading.Lock()

    def burn(self, call: Callable[[], Any]) -> Any:
        with self._lock:
            self._left -= 1
            left = self._left
        if left == -1 and self._done:
            call()
        if left < 0:
            raise Killed
        return call()


class Dying:
    """A client whose methods `calls` burn the fuse; what its methods `made` return is such a client too."""

    def __init__(self, client: Any, fuse: Fuse, calls: tuple[str, ...], made: tuple[str, ...] = ()) -> None:
        self._client = client
        self._fuse = fuse
        self._calls = calls
        self._made = made

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if name in self._calls:
            return lambda *given, **named: self._fuse.burn(lambda: found(*given, **named))
        if name in self._made:
            return lambda *given: Dying(found(*given), self._fuse, self._calls)
        return found
