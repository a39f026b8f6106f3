"""The twin and the events that are measured: four measurements, as a thermostat with humidity has them."""

from __future__ import annotations

import json
import shutil
from base64 import b64encode
from pathlib import Path
from typing import Any

from twin_runtime import times
from twin_runtime.events import cloudevents
from twin_runtime.ports import Event

ROOT = Path(__file__).resolve().parents[2]
TWIN = "factory"
DEVICE = "thermostat-1"
KIND = "thermostat"
PROCESSOR = "processors/thermostat.py"
API_KEY = "k" * 40
SIGNING_KEYS = ["whsec_" + b64encode(bytes([number]) * 32).decode() for number in (1, 2)]
"""Two generations, as every link's secret holds them."""
THRESHOLD = 80
EXPIRES_IN_S = 300
AT_REST = '{"v":1,"rules":{},"firings":[]}'
"""The record of a device whose rules are at rest."""
_START = 1_709_208_000
RECEIVED = times.from_epoch(_START + 3_600)


def readings(count: int) -> list[dict[str, Any]]:
    """What a device sends: envelopes with time and id. The first is hot enough for the rule to fire."""
    return [
        {
            "time": times.from_epoch(_START + number),
            "id": cloudevents.hashed_id(number),
            "data": {
                "temperature": 90.5 if number == 0 else round(20 + number / 7, 2),
                "humidity": round(40.25 + number / 3, 2),
                "pressure": 1013.25,
                "battery": 100 - number % 100,
            },
        }
        for number in range(count)
    ]


def events(count: int) -> list[Event]:
    """The events that the dispatcher makes of `readings`."""
    return [
        cloudevents.make(
            cloudevents.TELEMETRY,
            twin=TWIN,
            device=DEVICE,
            subject=KIND,
            received=RECEIVED,
            **{**reading, "id": cloudevents.dated_id(reading["id"], reading["time"])},
        )
        for reading in readings(count)
    ]


def body(count: int) -> str:
    """The body of a queue's message, as a role writes it."""
    return cloudevents.encode_batch(events(count))


def package(folder: Path, *, processor: bool) -> Path:
    """Write the twin's part of a function package: twin.json and, with `processor`, the example's code."""
    document = {
        "twin": TWIN,
        "hot_days": 30,
        "device_types": {
            KIND: {
                "telemetry": {
                    name: {"type": "number"} for name in ("temperature", "humidity", "pressure", "battery")
                },
                "commands": {"set_point": {"type": "number"}},
                "processor": PROCESSOR if processor else None,
                # All that is measured is of one moment.
                "rate": {"burst": 2**40},
            }
        },
        "devices": {DEVICE: KIND},
        "rules": [
            {
                "name": "overheating",
                "device_type": KIND,
                "when": {"metric": "temperature", "above": THRESHOLD},
                "then": {"feedback": {"command": "set_point", "value": 20, "expires_in": EXPIRES_IN_S}},
                # The events are of one day for ever.
                "max_age": 2**40,
            }
        ],
    }
    (folder / "processors").mkdir(parents=True)
    shutil.copy(ROOT / "examples" / PROCESSOR, folder / PROCESSOR)
    (folder / "twin.json").write_text(json.dumps(document), "utf-8")
    return folder
