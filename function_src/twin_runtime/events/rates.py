"""How many readings a device may send: a token bucket each, so that one device cannot fill the queue of all.

Tokens come by the broker's time of receipt, not by the clock. What waited in the broker while the dispatcher
did not run is then not taken for a flood. A bucket is of one instance of the function: a device whose
messages reach several may send as many times more.
"""

from __future__ import annotations

import threading

from twin_runtime.model import Rate


class Rates:
    """A bucket per device. Devices are as many as the twin has, so none is forgotten. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, device: str, readings: int, rate: Rate, at: float) -> int:
        """Take tokens for the readings of a message that the broker received at `at`, in Unix time; returns
        for how many of them there were tokens.
        """
        with self._lock:
            left, last = self._left.get(device, (float(rate.burst), at))
            # Messages may come out of order: time does not go back.
            last, since = max(last, at), max(0.0, at - last)
            left = min(float(rate.burst), left + since * rate.per_second)
            taken = min(readings, int(left))
            self._left[device] = (left - taken, last)
            return taken
