"""What devices measure: per metric a smooth random walk within a range that is plausible for its unit."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from simulator.conditions import calm_range, calm_values, tripping
from simulator.fleet import Device
from twin_runtime.events import cloudevents
from twin_runtime.values import ValueType

# By UCUM code, and by the spellings that people use instead.
RANGES: Mapping[str, tuple[float, float]] = {
    "Cel": (15, 30), "°C": (15, 30), "K": (288, 303), "[degF]": (59, 86),
    "%": (20, 80), "ppm": (400, 1200), "[ppm]": (400, 1200),
    "hPa": (980, 1040), "kPa": (98, 104), "Pa": (98_000, 104_000), "bar": (1, 8),
    "rpm": (600, 3000), "{rpm}": (600, 3000), "/min": (600, 3000), "Hz": (49.8, 50.2),
    "V": (220, 240), "A": (0, 16), "W": (0, 2000), "kW": (0, 50), "kW.h": (0, 500),
    "m": (0, 10), "cm": (0, 100), "mm": (0, 100), "m/s": (0, 20), "km/h": (0, 120), "mm/s": (0, 12),
    "kg": (0, 100), "L": (0, 500), "l": (0, 500), "L/min": (0, 100), "l/min": (0, 100), "m3/h": (0, 100),
    "lx": (50, 1000), "dB": (30, 80), "[pH]": (6, 8), "s": (0, 60), "ms": (0, 500),
}  # fmt: skip
UNKNOWN_UNIT = (0.0, 100.0)
_STEP = 0.02
"""Standard deviation of one step, as a share of the range."""
_CHANGE = 0.1
"""How often a boolean or a word changes."""
_DECIMALS = 2
_APART = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading. `id` and `time` are None in a flat one: the dispatcher gives it both. `trips` is the rule
    for which the data was made.
    """

    device: str
    id: str | None
    time: str | None
    data: Mapping[str, Any]
    trips: str | None = None

    @property
    def event_id(self) -> str | None:
        """The id of the event that the dispatcher makes of it; None for a flat one."""
        return None if self.id is None or self.time is None else cloudevents.dated_id(self.id, self.time)

    def document(self) -> dict[str, Any]:
        """As it is sent."""
        if self.id is None:
            return dict(self.data)
        return {"id": self.id, "time": self.time, "data": self.data}

    def earlier(self, seconds: float) -> Reading:
        """The same, measured earlier. Only for one that has a time."""
        moment = datetime.fromisoformat(self.time or "") - timedelta(seconds=seconds)
        return replace(self, time=rfc3339(moment))


class Source:
    """The readings of one device, without end.

    The same `seed` gives the same measurements; ids begin with `run`, so that two runs do not share any.
    `trip` is the share of readings that fulfil a rule, in turn each that can be fulfilled; the others fulfil
    none where the rules leave room for that.
    """

    def __init__(
        self,
        device: Device,
        *,
        seed: int,
        run: str,
        trip: float = 0.0,
        flat: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._device = device
        self._random = random.Random(f"{seed}/{device.id}")  # noqa: S311 - repeatable on purpose
        self._run = run
        self._trip = trip
        self._flat = flat
        self._now = now
        self._tripping = list(tripping(device).items()) if trip else []
        self._walks = {
            name: _walk(device, name, metric.type, metric.unit, self._random)
            for name, metric in device.telemetry.items()
        }
        self._count = self._tripped = 0
        self._last = datetime.min.replace(tzinfo=UTC)

    def next(self) -> Reading:
        """The next reading, taken now. Times rise strictly, by a millisecond at least."""
        data = {name: next(walk) for name, walk in self._walks.items()}
        trips = None
        # Drawn in any case, so that the walk is the same whatever the share.
        if self._random.random() < self._trip and self._tripping:
            trips, values = self._tripping[self._tripped % len(self._tripping)]
            data |= values
            self._tripped += 1
        self._count += 1
        if self._flat:
            return Reading(self._device.id, None, None, data, trips)
        self._last = max(self._now(), self._last + _APART)
        return Reading(self._device.id, f"{self._run}-{self._count}", rfc3339(self._last), data, trips)


def rfc3339(moment: datetime) -> str:
    """In UTC with microseconds, as the twin stores it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _walk(
    device: Device, name: str, type_: ValueType, unit: str | None, source: random.Random
) -> Iterator[Any]:
    if type_.spec.examples:
        return _choices(calm_values(device, name, list(type_.spec.examples)), source)
    low, high = calm_range(device, name, *RANGES.get(unit or "", UNKNOWN_UNIT))
    return _numbers(low, high, 0 if type_.spec.whole else _DECIMALS, source)


def _choices(values: list[Any], source: random.Random) -> Iterator[Any]:
    value = values[0]
    while True:
        yield value
        if source.random() < _CHANGE:
            value = source.choice(values)


def _numbers(low: float, high: float, decimals: int, source: random.Random) -> Iterator[float]:
    value = source.uniform(low, high)
    while True:
        yield round(value, decimals) if decimals else round(value)
        value = min(high, max(low, value + source.gauss(0, (high - low) * _STEP)))
