"""What an event passes on its way, from the logs of the functions: each names the trace that it worked on.

A function logs one trace per batch, that of its first event. So an event that travels alone is seen on every
hop, and of many that travel together a sample is.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from twin_runtime.roles import ROLES

DONE = ("dispatched", "handled", "received", "rule_fired")
"""What a role logs when it is done with a batch, or when a rule fires."""
_LATE_S = 10.0
"""How much later than another function's a line of the same time may show."""
ORDER = tuple(role for role in ROLES if role != "hot_reader")
"""The roles that an event passes."""


@dataclass(frozen=True, slots=True)
class Hop:
    """A role was done with the trace at `at`, in Unix seconds."""

    role: str
    event: str
    trace: str
    at: float
    failed: bool = False


def entries(lines: Iterable[tuple[float, str]]) -> Iterator[tuple[float, dict[str, Any]]]:
    """The log lines that are a JSON object, whatever stands before it."""
    for at, line in lines:
        start = line.find('{"')
        if start < 0:
            continue
        try:
            yield at, json.loads(line[start:])
        except ValueError:
            continue


def parse(lines: Iterable[tuple[float, str]]) -> Iterator[Hop]:
    """The hops in log lines; other lines are passed over."""
    for at, entry in entries((at, line) for at, line in lines if '"traceparent"' in line):
        if entry.get("event") in DONE:
            trace = entry["traceparent"].split("-")[1]
            yield Hop(entry["role"], entry["event"], trace, at, failed=bool(entry.get("failed")))


class Watch:
    """Reads the logs again and again in a thread of its own, until it is closed. `lines` takes the Unix time
    from which on lines are wanted.
    """

    def __init__(self, lines: Callable[[float], Iterable[tuple[float, str]]], *, every: float = 0.25) -> None:
        self._lines = lines
        self._every = every
        self._lock = threading.Lock()
        self._seen: dict[Hop, None] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Read once more, then end."""
        self._ended.set()
        self._thread.join()

    def hops(self, since: float = 0.0) -> list[Hop]:
        """What was seen so far, in the order of time."""
        with self._lock:
            return sorted((hop for hop in self._seen if hop.at >= since), key=lambda hop: hop.at)

    def first(self, role: str, *, since: float, seconds: float) -> Hop | None:
        """Wait for the first hop of a role; None when none came in time."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for hop in self.hops(since):
                if hop.role == role:
                    return hop
            time.sleep(self._every / 2)
        return None

    def _run(self) -> None:
        ended, newest = False, 0.0
        while not ended:
            ended = self._ended.wait(self._every)
            found = list(parse(self._lines(newest - _LATE_S)))
            newest = max([newest, *(hop.at for hop in found)])
            with self._lock:
                self._seen.update(dict.fromkeys(found))
