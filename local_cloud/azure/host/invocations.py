"""The calls under way, and the host's bound on how long one may take."""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator

_LOOK_S = 0.5
_LOG = logging.getLogger("host")


class Invocations:
    """Watches the calls under way.

    A Python function cannot be ended, so the host ends the whole worker process when one takes too long:
    `too_long` is called then, once.
    """

    def __init__(self, timeout_s: float, too_long: Callable[[], None]) -> None:
        self._timeout_s = timeout_s
        self._too_long = too_long
        self._numbers = itertools.count()
        self._since: dict[int, float] = {}

    def watch(self) -> None:
        threading.Thread(target=self._look, daemon=True, name="function-timeout").start()

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """A call, for the length of the block."""
        number = next(self._numbers)
        self._since[number] = time.monotonic()
        try:
            yield
        finally:
            del self._since[number]

    def _look(self) -> None:
        while True:
            time.sleep(_LOOK_S)
            oldest = min(list(self._since.values()), default=None)
            if oldest is not None and time.monotonic() - oldest > self._timeout_s:
                _LOG.error("A function took longer than %.0f s: the worker starts anew.", self._timeout_s)
                self._too_long()
                return
