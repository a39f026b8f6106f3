"""Looks into plain data that may have any shape: what is not as expected is as if it were not there."""

from typing import Any

from twinspan.config.text import FieldPath

Finding = tuple[FieldPath, str]


def mapping_at(data: Any, *keys: str) -> dict[str, Any]:
    """The mapping under `keys`; an empty one when something else, or nothing, stands there."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def list_at(data: Any, key: str) -> list[Any]:
    """The list under `key`; an empty one when something else, or nothing, stands there."""
    found = data.get(key) if isinstance(data, dict) else None
    return found if isinstance(found, list) else []


def texts(entries: list[Any], key: str) -> list[tuple[int, str]]:
    """Position and text of `key` in those entries that have one."""
    found = [(i, entry.get(key)) for i, entry in enumerate(entries) if isinstance(entry, dict)]
    return [(i, text) for i, text in found if isinstance(text, str)]
