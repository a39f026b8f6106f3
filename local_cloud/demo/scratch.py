"""The folder of a demonstration."""

from __future__ import annotations

import shutil
from pathlib import Path

from local_cloud.errors import LocalCloudError

_MARK = ".twinspan-local-cloud"


def make_scratch(folder: Path) -> None:
    """An empty folder, marked as ours. Raises `LocalCloudError` where somebody else's files would go."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / _MARK).exists():
        raise LocalCloudError(
            f"{folder} contains other files: name an empty or a new folder in TWINSPAN_LOCAL_CLOUD_FOLDER."
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / _MARK).touch()
