"""Files of older data, and signed requests with parts of them to the receivers of the three clouds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from receivers.requests import request
from support.deployed import Deployed
from support.memory import MemoryObjects
from support.platforms import Wire
from support.samples import DOCUMENT, event
from twin_runtime import model, times
from twin_runtime.ports import Event
from twin_runtime.storage import rows
from twin_runtime.tiers import tier_files
from twin_runtime.tiers.index import INDEX
from twin_runtime.tiers.tier_files import FILE_MEDIA_TYPE, QUERY_MEDIA_TYPE, File

STORES = {"cold_writer": "COLD_STORE", "archive_writer": "ARCHIVE_STORE"}
"""The receivers of files, each with the tier that it writes to."""
TIER_DOCUMENT: dict[str, Any] = DOCUMENT | {"safety_days": 30, "cold_days": 90, "archive_days": 3650}
DAY = 86_400
"""In seconds."""
NOON = 1_709_208_000
"""2024-02-29T12:00:00Z: due in every tier but the archive."""


def old(count: int, device: str = "thermostat-1", *, since: float = NOON) -> list[Event]:
    """Events of one day, whose data do not pack well."""
    return [
        event(
            f"e{n:03}", {"n": n, "x": n / 7, "y": 2.0 ** (n % 60 - 30)}, device, times.from_epoch(since + n)
        )
        for n in range(count)
    ]


def packed(events: Sequence[Event], twin: Mapping[str, Any] = DOCUMENT) -> File:
    """The file of events of one type and day."""
    its = model.parse(twin)
    found = sorted((rows.from_event(each, its, NOON) for each in events), key=lambda r: (r.device, r.key))
    return tier_files.pack(found, its, events[0]["subject"])


def header(file: File, part: int = 0, parts: int = 1) -> dict[str, Any]:
    return {"name": file.name, "part": part, "parts": parts, "rows": file.rows, "sha256": file.sha256}


def body(line: Mapping[str, Any] | bytes, part: bytes) -> bytes:
    """Of a request: the line of JSON, and the part's bytes."""
    return (line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" + part


def pieces(file: File, parts: int) -> list[bytes]:
    """The bodies of the requests that carry the file in so many parts."""
    size = -(-len(file.body) // parts)
    return [body(header(file, n, parts), file.body[n * size :][:size]) for n in range(parts)]


def sent(function: Deployed, content: bytes, **changes: Any) -> Wire:
    """As a mover sends it; `changes` are those of `requests.request`."""
    headers = {"content-type": FILE_MEDIA_TYPE} | changes.pop("headers", {})
    return request(function, content, headers=headers, **changes)


def asked(function: Deployed, query: Mapping[str, Any] | bytes, **changes: Any) -> Wire:
    """As a hot_reader of another cloud asks."""
    content = query if isinstance(query, bytes) else json.dumps(query).encode()
    return request(function, content, headers={"content-type": QUERY_MEDIA_TYPE}, **changes)


def tier(function: Deployed) -> MemoryObjects:
    """What the receiver writes to."""
    return function.memory.objects(STORES[function.role])


def names(function: Deployed) -> list[str]:
    """Of everything in it but the index, parts too."""
    return sorted(name for name in tier(function).kept if not name.startswith(INDEX))


def told(file: File) -> dict[str, Any]:
    """The answer of a receiver that has the file."""
    return {"rows": file.rows, "sha256": file.sha256, "size": len(file.body)}
