"""Reads plain data that may have any shape. Values of an unexpected type count as missing."""

from typing import Any

from twinspan.config.text import FieldPath

Finding = tuple[FieldPath, str]


def mapping_at(data: Any, *keys: str) -> dict[str, Any]:
    """Return the mapping under `keys`, or an empty mapping."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def list_at(data: Any, key: str) -> list[Any]:
    """Return the list under `key`, or an empty list."""
    found = data.get(key) if isinstance(data, dict) else None
    return found if isinstance(found, list) else []


def texts(entries: list[Any], key: str) -> list[tuple[int, str]]:
    """Return index and text of `key` for the entries in which it is a text."""
    found = [(i, entry.get(key)) for i, entry in enumerate(entries) if isinstance(entry, dict)]
    return [(i, text) for i, text in found if isinstance(text, str)]
