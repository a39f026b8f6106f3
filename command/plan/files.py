"""Files for their owner alone."""

import os
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write a text file with mode 0600."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
