"""The lines that a function app writes: a time stamp of the machine's clock, a space, what was logged."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path


class Formatter(logging.Formatter):
    """Keeps to the machine's clock where a test has put the process's own forward."""

    def __init__(self) -> None:
        super().__init__()
        self._now = time.time

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="milliseconds")
        return f"{moment.replace('+00:00', 'Z')} {super().format(record)}"


def read(log: Path) -> Iterator[tuple[float, str]]:
    """Unix time and text of each line that has a time stamp; lines that follow one, as of a stack trace, have
    none.
    """
    text = log.read_text("utf-8", "replace") if log.exists() else ""
    for line in text.splitlines():
        stamp, _, rest = line.partition(" ")
        try:
            yield datetime.fromisoformat(stamp).timestamp(), rest
        except ValueError:
            continue
