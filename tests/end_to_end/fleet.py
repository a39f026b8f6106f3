"""A fleet at full speed: numbered readings, many to a message, of which none may be lost or stored twice."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from end_to_end.readings import Sent
from local_cloud.cloud import LocalCloud
from simulator import clients, endpoint
from support.layouts import Layout, twin_data

DEVICES = tuple(f"thermostat-{number}" for number in range(1, 11))
PER_MESSAGE = 50


def twin(layout: Layout) -> dict[str, Any]:
    """The content of a twin.yaml for the fleet, with neither user code nor rules."""
    thermostat = {"telemetry": {"temperature": {"type": "number", "unit": "Cel"}}}
    return twin_data(
        layout,
        events=False,
        device_types={"thermostat": thermostat},
        devices=[{"id": device, "type": "thermostat"} for device in DEVICES],
    ) | {"events": {"enabled": False}}


@dataclass
class Fleet:
    """`sent` grows as readings are sent: pairs of device and id."""

    where: endpoint.Endpoint
    sent: set[tuple[str, str]] = field(default_factory=set)
    _number: int = 0

    @classmethod
    def at(cls, local: LocalCloud) -> Fleet:
        return cls(endpoint.parse(local.endpoint))

    def send(self, readings: int, *, copies: int = 1, shuffled: bool = False) -> None:
        """Send new readings, from every device; each message `copies` times, in any order if `shuffled`."""
        bodies = {device: [] for device in DEVICES}
        for device, taken in self._messages(readings):
            bodies[device] += [taken] * copies
        if shuffled:
            for each in bodies.values():
                random.Random(7).shuffle(each)
        with ThreadPoolExecutor(len(DEVICES)) as pool:
            list(pool.map(lambda device: self._publish(device, bodies[device]), DEVICES))

    def _publish(self, device: str, bodies: Sequence[bytes]) -> None:
        with clients.connect(self.where, device) as client:
            for body in bodies:
                client.send(body)

    def _messages(self, readings: int) -> Iterator[tuple[str, bytes]]:
        start = datetime.now(UTC) - timedelta(hours=1)
        for first in range(0, readings, PER_MESSAGE):
            device = DEVICES[first // PER_MESSAGE % len(DEVICES)]
            taken = []
            for offset in range(min(PER_MESSAGE, readings - first)):
                self._number += 1
                moment = start + timedelta(milliseconds=self._number)
                time = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
                reading = Sent(device, f"n{self._number}", time, json.dumps({"temperature": offset / 4}))
                taken.append(reading.text)
                self.sent.add((device, reading.event_id))
            yield device, f"[{', '.join(taken)}]".encode()


def stored(local: LocalCloud) -> list[tuple[str, str]]:
    """Device and id of every row."""
    return [(device, key.partition("#")[2]) for device, key in local.rows()]
