"""The newest reading of each device type, through the telemetry API."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from command.exits import CommandError
from command.status.parts import attempt
from command.status.stacks import StackStatus
from twin_runtime import times
from twin_runtime.roles import Role
from twinspan import outputs
from twinspan.config import Config

_TIMEOUT_S = 30
_PAGE = 1_000


@dataclass(frozen=True)
class Reading:
    """The newest reading of a device type; no device where there is none. `age_s` is in seconds."""

    device_type: str
    device: str | None = None
    time: str | None = None
    age_s: float | None = None
    problem: str | None = None

    def document(self) -> dict[str, Any]:
        """The reading in the JSON document."""
        return {
            "device_type": self.device_type,
            "device": self.device,
            "time": self.time,
            "age_s": self.age_s,
            "problem": self.problem,
        }


def readings_of(
    config: Config, stacks: Sequence[StackStatus], now: float
) -> tuple[list[Reading], str | None]:
    """Return the newest reading of each type that has devices, or a sentence that says why nobody knows."""
    url, key = (
        next((stack.outputs[name] for stack in stacks if stack.outputs and stack.outputs.get(name)), None)
        for name in (outputs.url(Role.HOT_READER), outputs.api_key(Role.HOT_READER))
    )
    if not any(stack.deployed for stack in stacks):
        return [], None
    if url is None or key is None:
        return (
            [],
            "No stack has the telemetry API with an API key, which status reads the newest readings from.",
        )
    used = {device.type for device in config.devices}
    types = [name for name in config.device_types if name in used]
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda name: _newest(name, url, key, now), types)), None


def _newest(device_type: str, url: str, key: str, now: float) -> Reading:
    found, problem = attempt(
        lambda: max(_latest(device_type, url, key), key=lambda event: event["time"], default=None)
    )
    if found is None:
        return Reading(device_type, problem=problem)
    measured = datetime.fromisoformat(times.normalise(found["time"])).timestamp()
    return Reading(device_type, found["source"].rpartition("/")[2], found["time"], round(now - measured, 3))


def _latest(device_type: str, url: str, key: str) -> Iterator[Mapping[str, Any]]:
    """The newest event of each device of the type."""
    query = {"type": device_type, "latest": "true", "limit": str(_PAGE)}
    while True:
        page = _get(f"{url}?{urlencode(query)}", key)
        yield from page["events"]
        if page["cursor"] is None:
            return
        query["cursor"] = page["cursor"]


def _get(url: str, key: str) -> Mapping[str, Any]:
    request = urllib.request.Request(url, headers={"x-api-key": key})  # noqa: S310 - a stack's output
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        fix = {401: ", since the API key is not accepted: deploy, or look at keys in twin.yaml", 403: ""}
        raise CommandError(f"The telemetry API answered {error.code}{fix.get(error.code, '')}.") from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise CommandError(f"The telemetry API could not be reached ({reason}).") from None
