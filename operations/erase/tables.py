"""Print what may hold readings of a device, and what was deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from operations.erase.erasing import Found, Outcome
from operations.erase.values import Node
from operations.printing import Print, counted, plain
from operations.restore import tables
from operations.restore.files import File
from operations.restore.locations import Location


def print_found(found: Found, out: Print) -> None:
    """Print what is deleted, and the files that are read for it."""
    for location, number in found.rows.items():
        out(f"{location.tier} {location.cloud}: {counted(number, 'row')}")
    if found.files:
        tables.print_files(found.files, out)
        out(
            "These files may hold rows of the range, by the first and last device in their names. Only those "
            "that do are rewritten."
        )
    if found.node is Node.REPLACED:
        out("twin graph: the device's measured values may be of the range")
    if found.node is Node.DELETED:
        out("twin graph: the node of the device, which twin.yaml no longer has")
    if found.rules:
        out("rules: the state of the device's rules is of the range")
    if found.unfinished:
        out("An erasure of the device has begun, and is not complete.")


def found_fields(found: Found, letters: Mapping[tuple[str, str], int] | None) -> dict[str, Any]:
    """Return what was found as a JSON object; `letters` is None where they were not counted."""
    return {
        "rows": _rows(found.rows),
        "files": [tables.fields(file) for file in found.files],
        "graph": found.node.value,
        "rule_state": found.rules,
        "unfinished": found.unfinished,
        "dead_letters": None
        if letters is None
        else [
            {"hop": hop, "cloud": cloud, "dead_letters": number} for (hop, cloud), number in letters.items()
        ],
    }


def print_outcome(outcome: Outcome, out: Print) -> None:
    """Print what was deleted, and which files could not be read."""
    for name, number in outcome.rows.items():
        files = f" of {counted(outcome.files[name], 'file')}" if name in outcome.files else ""
        out(f"{name}: {counted(number, 'row')}{files} deleted")
    if outcome.node is not Node.NONE:
        out(f"twin graph: {outcome.node.value}")
    if outcome.rules:
        out("rules: the device's state deleted")
    for file, reason in outcome.damaged:
        out(f"{file.entry.name} in {file.location.cloud} is damaged, and was left: {plain(reason)}")


def waiting(late: Sequence[File]) -> list[str]:
    """Return what the operator waits for."""
    return tables.waiting(late)


def _rows(rows: Counter[Location]) -> list[dict[str, Any]]:
    return [{"tier": at.tier, "cloud": at.cloud, "rows": number} for at, number in rows.items()]
