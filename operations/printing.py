"""What an operator's commands print: tables as they come, counts, and safe text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any

Print = Callable[[str], None]
NONE = "–"


class Table:
    """Prints rows as they come, in the format `row`, below a line of its field names."""

    def __init__(self, out: Print, row: str) -> None:
        self._out = out
        self._row = row
        self._titles = {name: name for _, name, _, _ in Formatter().parse(row) if name}

    def add(self, fields: Mapping[str, Any], **shown: Any) -> None:
        """Print the columns from `shown` and else from `fields`."""
        if self._titles:
            self._out(self._row.format(**self._titles))
            self._titles = {}
        self._out(self._row.format(**{**fields, **shown}))


def counted(number: int, noun: str) -> str:
    """Return `1 file` or `2 files`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def plain(text: str | None) -> str:
    """Replace what a terminal would interpret in text that a device may have chosen."""
    if not text:
        return NONE
    return "".join(letter if letter.isprintable() else "�" for letter in text)
