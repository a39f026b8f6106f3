"""What the command prints of files."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from restore.catalogues import State
from restore.files import File

Print = Callable[[str], None]
WITHIN_HOURS = {"aws": 48, "azure": 15, "gcp": 0}
"""How long the clouds take at most to make an archived file readable, by the order that the adapters give."""
_ROW = "{tier:<8} {cloud:<6} {state:<9} {day:<10} {rows:>6} {size:>9}  {name}"


def print_files(files: Sequence[File], out: Print, *, as_json: bool = False) -> None:
    """A line per file, or a JSON object per line."""
    for file in files if as_json else ():
        out(json.dumps(fields(file)))
    if as_json:
        return
    if not files:
        out("No file holds events of this range.")
        return
    out(_ROW.format(**{name: name for name in ("tier", "cloud", "state", "day", "rows", "size", "name")}))
    for file in files:
        out(_ROW.format(**fields(file)))
    out(f"\n{count(files)}, {sum(file.entry.size for file in files):,} bytes")
    for line in waiting([file for file in files if file.entry.state is not State.READY]):
        out(line)


def fields(file: File) -> dict[str, Any]:
    """A file as a JSON object. `rows` are all of it, of whichever device and time."""
    return {
        "tier": file.tier,
        "cloud": file.place.cloud,
        "state": file.entry.state,
        "day": file.name.day,
        "rows": file.name.rows,
        "size": file.entry.size,
        "name": file.entry.name,
    }


def waiting(files: Sequence[File]) -> list[str]:
    """A sentence per cloud whose archived files cannot be read yet."""
    made = []
    for cloud in sorted({file.place.cloud for file in files}):
        theirs = [file for file in files if file.place.cloud == cloud]
        under_way = sum(file.entry.state is State.THAWING for file in theirs)
        told = f" ({under_way} under way)" if under_way else ""
        hours = WITHIN_HOURS[cloud]
        made.append(
            f"{count(theirs)} in {cloud} must be thawed first{told}, which takes up to {hours} hours."
        )
    return made


def count(files: Sequence[File]) -> str:
    return f"{len(files)} file{'s' * (len(files) != 1)}"
