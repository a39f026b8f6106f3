"""Structured logs: one JSON object a line.

Fields are counts, reasons, names and traceparents; never a key, a secret or a payload. A call that passes
anything other than a short scalar is cut down, so that a payload cannot slip in whole.
"""

from __future__ import annotations

import atexit
import sys
import threading
import time
from collections.abc import Callable

from twin_runtime import jsontext
from twin_runtime.errors import Retry

Sink = Callable[[str, str], None]
"""Takes the level (info, warning, error) and the line."""

_LONGEST = 300
TALLY_S = 60.0
"""Seconds between two lines of one tally."""


def to_stdout(_level: str, line: str) -> None:
    """The default sink. One write per line, so that lines of several threads do not mix."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Log:
    """The log of one role. Thread-safe."""

    def __init__(
        self, role: str, sink: Sink = to_stdout, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.role = role
        self._sink = sink
        self._clock = clock
        self._lock = threading.Lock()
        self._tallies: dict[tuple[tuple[str, object], ...], _Tally] = {}
        self._flushes_at_exit = False

    def info(self, event: str, **fields: object) -> None:
        self._flush()
        self._write("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        self._flush()
        self._write("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        self._flush()
        self._write("error", event, fields)

    def tally(self, event: str, *, count: int = 1, **fields: object) -> None:
        """A warning that strangers can cause in any number: a line each would cost as much as they like.

        The first of its kind (the event with these fields) is written at once. Later ones are counted and
        written as one line with their `count`, by the first call that comes `TALLY_S` or more after the last
        line, or when the process ends. `count` is how many this call stands for.
        """
        self._flush()
        kind = (("event", event), *fields.items())
        with self._lock:
            known = self._tallies.get(kind)
            if known:
                known.waiting += count
                return
            self._tallies[kind] = _Tally(self._clock())
            if not self._flushes_at_exit:
                atexit.register(self.close)
                self._flushes_at_exit = True
        self._write("warning", event, {**fields, "count": count})

    def close(self) -> None:
        """Write what is counted and not yet written."""
        self._flush(everything=True)

    def _flush(self, *, everything: bool = False) -> None:
        if not self._tallies:
            return
        due: list[tuple[dict[str, object], int]] = []
        with self._lock:
            now = self._clock()
            for kind, tally in list(self._tallies.items()):
                if not everything and now - tally.written < TALLY_S:
                    continue
                if tally.waiting:
                    due.append((dict(kind), tally.waiting))
                    self._tallies[kind] = _Tally(now)
                else:
                    del self._tallies[kind]
        for fields, count in due:
            self._write("warning", str(fields.pop("event")), {**fields, "count": count})

    def _write(self, level: str, event: str, fields: dict[str, object]) -> None:
        entry: dict[str, object] = {"role": self.role, "level": level, "event": event}
        entry.update((name, _scalar(value)) for name, value in fields.items() if value is not None)
        self._sink(level, jsontext.dumps(entry))


class _Tally:
    """When the last line of a kind was written, and how many were counted since."""

    __slots__ = ("waiting", "written")

    def __init__(self, written: float) -> None:
        self.written = written
        self.waiting = 0


def reason_of(error: Exception, what: str) -> str:
    """Why a call of `what` failed, for logs and dead letters: a `Retry` says it itself."""
    return error.reason if isinstance(error, Retry) else f"{what} failed ({failure(error)})."


def failure(error: BaseException) -> str:
    """What a log may say of an unexpected exception: its class. Its text may hold a payload or an address."""
    return type(error).__name__


def _scalar(value: object) -> object:
    if isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else type(value).__name__
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
