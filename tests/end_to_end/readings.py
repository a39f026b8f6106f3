"""Readings with every kind of value that JSON has, as they are sent and as they must come back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

VALUES = (
    '{"temperature": 21.5}',
    '{"temperature": -0.0, "humidity": 0}',
    '{"temperature": 1e-300}',
    '{"temperature": 5e-324, "humidity": 1.7976931348623157e308}',
    '{"temperature": 0.1, "humidity": 0.30000000000000004}',
    '{"humidity": 9007199254740993}',
    '{"temperature": -123456789012345680000000.0, "humidity": 2.5e+17}',
    '{"count": 10000000000000000000000000000000000000001}',
    '{"open": true, "armed": false, "fault": null}',
    '{"status": "", "note": "größer als 5 µm – 温度 😀"}',
    '{"status": "a \\"quoted\\" line\\nand a \\u0007 bell"}',
    '{"nested": {"list": [1, 2.5, null, [true, {"deep": "x"}]], "empty": {}, "none": []}}',
    '{"with space": 1, "ünïcode": 2, "$dollar": 3, "dot.ted": 4, "__proto__": 5}',
)
TRIPS = '{"temperature": 95.5}'
_START = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Sent:
    """One reading; `data` is the JSON text of its measurements."""

    device: str
    id: str
    time: str
    data: str

    @property
    def event_id(self) -> str:
        """The id of its event, as docs/devices.md gives it."""
        compact = self.time.replace("-", "").replace(":", "").replace(".000000Z", "Z")
        return f"{self.id}@{compact}"

    @property
    def text(self) -> str:
        return f'{{"id": {json.dumps(self.id)}, "time": "{self.time}", "data": {self.data}}}'


def made(device: str, count: int, *, age: timedelta = _START) -> list[Sent]:
    """Readings of one device, a millisecond apart, in order; one in the middle trips the rule. The first is
    of `age` ago, and the ids of one age are not those of another.
    """
    start = datetime.now(UTC) - age
    batch = f"{device}-{age.days}-" if age.days else f"{device}-"
    readings = []
    for number in range(count):
        moment = start + timedelta(milliseconds=number)
        text = TRIPS if number == count // 2 else VALUES[number % len(VALUES)]
        time = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
        readings.append(Sent(device, f"{batch}{number:04}", time, text))
    return readings


def messages(readings: Sequence[Sent]) -> list[bytes]:
    """The bodies that a device sends: single readings and arrays of up to ten, in turn."""
    bodies, rest, size = [], list(readings), 1
    while rest:
        taken, rest = rest[:size], rest[size:]
        texts = [each.text for each in taken]
        bodies.append((texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]").encode())
        size = size % 10 + 1
    return bodies


def exactly(text: str) -> Any:
    """JSON in which 1, 1.0 and true differ, and so do 0.0 and -0.0."""
    return json.loads(
        text,
        parse_int=lambda digits: ("integer", int(digits)),
        parse_float=lambda digits: ("number", repr(float(digits))),
    )
