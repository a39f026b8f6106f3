"""What an erasure did, as one line of JSON, in each bucket of files.

No rule of a bucket touches what is below `audit/`.
"""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

from operations.access import Access
from operations.erase.erasing import Outcome
from operations.restore.files import Range
from twin_runtime import times
from twin_runtime.errors import Retry
from twin_runtime.ports import Objects

PREFIX = "audit/"
_FORMAT = 1


def result(outcome: Outcome) -> str:
    """Return how far the erasure is: the first that holds of several."""
    if outcome.damaged:
        return "damaged files"
    if outcome.late:
        return "archived files"
    return "complete" if outcome.complete else "to be checked"


def line(twin: str, wanted: Range, outcome: Outcome, by: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Return the line. Its counts are those of all runs of the erasure; a run that was killed may have
    deleted more than it counted.
    """
    return {
        "format": _FORMAT,
        "time": times.from_epoch(now),
        "id": outcome.id,
        "by": by,
        "twin": twin,
        "device": wanted.device,
        "from": wanted.start,
        "to": wanted.end,
        "rows": outcome.rows,
        "files": outcome.files,
        "graph": outcome.node.value,
        "rule_state": "deleted" if outcome.rules else "kept",
        "result": result(outcome),
    }


def write(line: Mapping[str, Any], buckets: Iterable[Objects]) -> str:
    """Write the line into each bucket, and return the name of the objects; raises `Retry`."""
    name = f"{PREFIX}{times.compact(line['time'])}-{line['id']}.json"
    body = (json.dumps(line, ensure_ascii=True) + "\n").encode("ascii")
    for objects in buckets:
        if objects.replace(name, body, version=None) is None:
            there = objects.read(name)  # perhaps this call's own, whose answer was lost
            if there is None or there.body != body:
                raise Retry(f"The audit line {name} was not written.")
    return name


def operator(access: Access, clouds: Iterable[str]) -> dict[str, Any]:
    """Return who erases: the user of this machine, and the name in each cloud that tells it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = f"uid {os.getuid()}"
    known = {cloud: name for cloud in sorted(set(clouds)) if (name := access.to(cloud).identity())}
    return {"user": user, **known}
