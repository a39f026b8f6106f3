"""Readings at the edges of a device type: what its devices can send, and code must take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from simulator.fleet import Device
from simulator.payloads import RANGES, UNKNOWN_UNIT, Source
from twin_runtime.values import ValueType
from twinspan.config import Metric

_USUAL = 3
_SEED = 1


class Edge(NamedTuple):
    """The measurements of one reading; `what` says what is special about it, as in "temperature is 0"."""

    what: str
    data: Mapping[str, Any]


def edges(type_name: str, telemetry: Mapping[str, Metric]) -> Iterator[Edge]:
    """Yield usual readings, then one for each edge of each metric: missing, at the ends of the range that is
    plausible for its unit, with and without a fraction, and each example. The same ones every time.
    """
    device = Device(id=type_name, type=type_name, telemetry=telemetry, rules={})
    source = Source(device, seed=_SEED, run="check", flat=True)
    usual = [source.next().data for _ in range(_USUAL)]
    for data in usual:
        yield Edge("all values are usual", data)
    for name, metric in telemetry.items():
        if len(telemetry) > 1:  # a reading has at least one measurement
            yield Edge(f"{name} is missing", {key: value for key, value in usual[0].items() if key != name})
        for value in _values(metric):
            yield Edge(f"{name} is {value!r}", {**usual[0], name: value})


def _values(metric: Metric) -> Iterator[Any]:
    spec = metric.type.spec
    if spec.examples:
        yield from spec.examples
        return
    low, high = RANGES.get(metric.unit or "", UNKNOWN_UNIT)
    whole = (round(low), round(high))
    yield from whole
    if metric.type is ValueType.NUMBER:
        yield from (float(value) for value in whole)
        yield round((low + high) / 2 + 0.25, 2)
