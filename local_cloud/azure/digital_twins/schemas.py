"""The schemas of DTDL's properties that the stand-in knows, each with what it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LONGEST_TEXT = 4 * 1024
"""Bytes in UTF-8."""


def _whole(bound: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and -bound <= value < bound


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value.encode("utf-8", "surrogatepass")) <= LONGEST_TEXT


SCHEMAS: dict[str, Callable[[Any], bool]] = {
    "boolean": lambda value: isinstance(value, bool),
    "double": _number,
    "integer": _whole(2**31),
    "long": _whole(2**63),
    "string": _text,
}
"""Whether a value is of the schema."""
