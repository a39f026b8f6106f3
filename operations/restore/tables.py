"""Print files, and how long archived files take to retrieve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from operations.printing import Print, Table, counted
from operations.restore.catalogues import State
from operations.restore.files import File

WITHIN_HOURS = {"aws": 48, "azure": 15, "gcp": 0}
"""The longest time that a retrieval takes in each cloud, with the priority that the adapters request."""
_ROW = "{tier:<8} {cloud:<6} {state:<10} {day:<10} {rows:>6} {size:>9}  {name}"


def print_files(files: Sequence[File], out: Print) -> None:
    """Print a line per file and their sum."""
    table = Table(out, _ROW)
    for file in files:
        table.add(fields(file))
    if not files:
        out("No file contains events of this range.")
        return
    out(f"\n{counted(len(files), 'file')}, {sum(file.entry.size for file in files):,} bytes")
    for line in waiting([file for file in files if file.entry.state is not State.READY]):
        out(line)


def fields(file: File) -> dict[str, Any]:
    """Return a file as a JSON object; `rows` counts the rows of all devices and times."""
    return {
        "tier": file.tier,
        "cloud": file.location.cloud,
        "state": file.entry.state,
        "day": file.name.day,
        "rows": file.name.rows,
        "size": file.entry.size,
        "name": file.entry.name,
    }


def waiting(files: Sequence[File]) -> list[str]:
    """Return a sentence per cloud with archived files that cannot be read yet."""
    made = []
    for cloud in sorted({file.location.cloud for file in files}):
        theirs = [file for file in files if file.location.cloud == cloud]
        requested = sum(file.entry.state is State.RETRIEVING for file in theirs)
        note = f" ({requested} requested)" if requested else ""
        made.append(
            f"{counted(len(theirs), 'file')} in {cloud} must be retrieved from the archive{note}, "
            f"which takes up to {WITHIN_HOURS[cloud]} hours."
        )
    return made
