"""JSON files that the command line names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from operations.errors import UsageError


def read(option: str, path: Path) -> dict[str, Any]:
    """Return the object in the file; `option` names the file in the error. Raises `UsageError`."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{option} {path} is not a readable JSON file ({type(error).__name__}).") from None
    if not isinstance(document, dict):
        raise UsageError(f'{option} {path} must contain an object by cloud, such as {{"aws": {{…}}}}.')
    return document
