"""The warnings and errors that functions logged: equal ones once, with their number."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

_LEVELS = ("warning", "error")
_SAME = ("role", "level", "event", "reason")
"""Fields by which two entries are equal: the others name a device, a trace or a duration."""


def grouped(entries: Iterable[tuple[float, Mapping[str, Any]]]) -> list[str]:
    """A line per kind of complaint: the first entry in full, and how many are like it. The rarest come first:
    many equal ones cannot hide another.
    """
    found: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for _, entry in sorted(entries, key=lambda each: each[0]):
        if entry.get("level") in _LEVELS:
            found.setdefault(tuple(str(entry.get(name)) for name in _SAME), []).append(entry)
    return [_line(equal[0], len(equal)) for equal in sorted(found.values(), key=len)]


def _line(entry: Mapping[str, Any], number: int) -> str:
    rest = {name: value for name, value in entry.items() if name not in ("role", "level", "event")}
    times = f" ({number} times)" if number > 1 else ""
    return f"{entry.get('role')} {entry['level']} {entry.get('event')}: {json.dumps(rest)}{times}"
