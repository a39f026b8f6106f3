"""When each message is due: evenly, and never later because one was late."""

from __future__ import annotations

import time
from collections.abc import Callable


class Pace:
    """Message `n` is due `n * interval` seconds after the start. What is behind time is due at once, until
    the run has caught up.
    """

    def __init__(
        self,
        interval: float,
        *,
        duration: float | None,
        wait: Callable[[float], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`wait(seconds)` returns early, with True, when the run is stopped (`threading.Event.wait`)."""
        self._interval = interval
        self._duration = duration
        self._wait = wait
        self._clock = clock
        self._start = clock()

    def due(self, number: int) -> bool:
        """Wait until message `number` is due. False when the run is over before that."""
        at = number * self._interval
        if self._duration is not None and at >= self._duration:
            return False
        return not self._wait(max(0.0, self._start + at - self._clock()))

    @property
    def elapsed(self) -> float:
        return self._clock() - self._start
