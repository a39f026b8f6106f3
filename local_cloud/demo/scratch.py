"""The folder of a demonstration."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local_cloud.errors import LocalCloudError

_MARK = ".twinspan-local-cloud"


@contextmanager
def scratch(folder: Path) -> Iterator[None]:
    """Empty the folder, mark it as ours, and lock it for the block.

    The lock ends with the process that holds it, however that ends. Raises `LocalCloudError` where somebody
    else's files would go, or while another demonstration uses the folder.
    """
    mark = folder / _MARK
    if folder.is_dir() and any(folder.iterdir()) and not mark.exists():
        raise LocalCloudError(
            f"{folder} contains other files: name an empty or a new folder in TWINSPAN_LOCAL_CLOUD_FOLDER."
        )
    folder.mkdir(parents=True, exist_ok=True)
    with mark.open("a+", encoding="ascii") as holder:
        try:
            fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder.seek(0)
            raise LocalCloudError(
                f"{folder} is in use by another demonstration, process {holder.read() or 'unknown'}: end it, "
                "or name another folder in TWINSPAN_LOCAL_CLOUD_FOLDER."
            ) from None
        holder.truncate(0)
        holder.write(str(os.getpid()))
        holder.flush()
        for entry in folder.iterdir():
            if entry == mark:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        yield
