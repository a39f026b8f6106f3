"""A twin with files in its tiers: three thermostats, a week of readings at noon and in the afternoon."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from support.samples import DOCUMENT, TWIN
from twin_runtime import jsontext
from twin_runtime.events import cloudevents
from twin_runtime.ports import Objects, Row
from twin_runtime.tiers import tier_files
from twin_runtime.tiers.tier_files import File

TYPE = "thermostat"
DEVICE = "thermostat-1"
DAYS = tuple(f"2024-02-{number:02}" for number in range(25, 30))
FROM, TO = "2024-02-26T12:30:00Z", "2024-02-28T12:30:00Z"
"""Leaves out half of a day at each end."""


def row(device: str, day: str, hour: int, value: float = 20.0) -> Row:
    """The row of a reading."""
    at = f"{day}T{hour:02}:00:00.000000Z"
    event = cloudevents.make(
        cloudevents.TELEMETRY,
        twin=TWIN.name,
        device=device,
        subject=TYPE,
        data={"temperature": value},
        time=at,
        id=f"{day}-{hour}",
    )
    data = jsontext.dumps(event["data"])
    return Row(device, at, event["id"], event["type"], data, event["traceparent"], 0)


def rows_of(day: str, devices: Sequence[str] = (DEVICE, "thermostat-2")) -> list[Row]:
    """Two readings of each device."""
    return [row(device, day, hour) for device in devices for hour in (12, 15)]


def file(found: Iterable[Row]) -> File:
    return tier_files.pack(found, TWIN, TYPE)


def put(objects: Objects, *files: File) -> None:
    for each in files:
        objects.put(each.name, each.body, rows=each.rows, sha256=hashlib.sha256(each.body).hexdigest())


def twin_file(cloud: str, archive: str | None = None, **clouds: Mapping[str, str]) -> dict[str, Any]:
    """The twin's twin.yaml: all in one cloud, but for its archive."""
    layers = dict.fromkeys(("acquisition", "processing", "hot_storage"), cloud)
    return {
        "twin": TWIN.name,
        "layers": layers | ({"archive_storage": archive} if archive else {}),
        "clouds": clouds,
        "device_types": {
            name: {"telemetry": kind["telemetry"]} for name, kind in DOCUMENT["device_types"].items()
        },
        "devices": [{"id": id, "type": kind} for id, kind in DOCUMENT["devices"].items()],
    }
