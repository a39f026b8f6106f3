"""host.json, with the app settings that stand in its place."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_OVERRIDE = "AzureFunctionsJobHost__"
_DURATION = re.compile(r"(\d+):(\d\d):(\d\d)")
_REFERENCE = re.compile(r"%([^%]+)%")


@dataclass(frozen=True)
class QueueOptions:
    """`extensions.queues`; durations are in seconds. Defaults are the host's."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    visibility_timeout_s: float = 0.0
    max_polling_interval_s: float = 60.0
    base64: bool = True


@dataclass(frozen=True)
class HostSettings:
    """What this front end takes from host.json."""

    function_timeout_s: float
    route_prefix: str
    queues: QueueOptions


def load(site: Path, environ: Mapping[str, str]) -> HostSettings:
    """Of the app in the folder `site`."""
    document = json.loads((site / "host.json").read_text("utf-8"))
    for name, value in environ.items():
        if name.startswith(_OVERRIDE):
            _put(document, name.removeprefix(_OVERRIDE).split("__"), value)
    extensions = document.get("extensions", {})
    queues, default = extensions.get("queues", {}), QueueOptions()
    batch_size = int(queues.get("batchSize", default.batch_size))
    return HostSettings(
        function_timeout_s=seconds(document.get("functionTimeout", "00:30:00")),
        route_prefix=extensions.get("http", {}).get("routePrefix", "api"),
        queues=QueueOptions(
            batch_size=batch_size,
            new_batch_threshold=int(queues.get("newBatchThreshold", batch_size // 2)),
            max_dequeue_count=int(queues.get("maxDequeueCount", default.max_dequeue_count)),
            visibility_timeout_s=seconds(queues.get("visibilityTimeout", "00:00:00")),
            max_polling_interval_s=seconds(queues.get("maxPollingInterval", "00:01:00")),
            base64=queues.get("messageEncoding", "base64").lower() == "base64",
        ),
    )


def seconds(duration: str) -> float:
    """Of `hh:mm:ss`; ValueError."""
    found = _DURATION.fullmatch(duration)
    if found is None:
        raise ValueError(f"{duration!r} is not a duration: write hh:mm:ss.")
    hours, minutes, rest = (int(part) for part in found.groups())
    return hours * 3600.0 + minutes * 60 + rest


def resolved(text: str, environ: Mapping[str, str]) -> str:
    """A binding's value with its `%SETTING%` filled in; KeyError where a setting is missing."""
    return _REFERENCE.sub(lambda match: environ[match.group(1)], text)


def _put(document: dict[str, Any], path: list[str], value: str) -> None:
    """Settings' names are the host's in any case."""
    *sections, last = path
    for section in sections:
        document = document.setdefault(_known(document, section), {})
    document[_known(document, last)] = value


def _known(document: Mapping[str, Any], name: str) -> str:
    return next((key for key in document if key.lower() == name.lower()), name)
