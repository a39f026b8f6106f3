"""Structured logs: one JSON object a line.

Fields are counts, reasons, names and traceparents; never a key, a secret or a payload. A call that passes
anything other than a short scalar is cut down, so that a payload cannot slip in whole.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from twin_runtime import jsontext

Sink = Callable[[str, str], None]
"""Takes the level (info, warning, error) and the line."""

_LONGEST = 300


def to_stdout(_level: str, line: str) -> None:
    """The default sink. One write per line, so that lines of several threads do not mix."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Log:
    """The log of one role."""

    def __init__(self, role: str, sink: Sink = to_stdout) -> None:
        self.role = role
        self._sink = sink

    def info(self, event: str, **fields: object) -> None:
        self._write("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        self._write("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        self._write("error", event, fields)

    def _write(self, level: str, event: str, fields: dict[str, object]) -> None:
        entry: dict[str, object] = {"role": self.role, "level": level, "event": event}
        entry.update((name, _scalar(value)) for name, value in fields.items() if value is not None)
        self._sink(level, jsontext.dumps(entry))


def failure(error: BaseException) -> str:
    """What a log may say of an unexpected exception: its class. Its text may hold a payload or an address."""
    return type(error).__name__


def _scalar(value: object) -> object:
    if isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else type(value).__name__
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
