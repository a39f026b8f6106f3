"""Measurements that fulfil a rule, and ranges in which none is fulfilled."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import islice, pairwise, product
from typing import Any

from simulator.fleet import Device, fires
from twin_runtime.values import ValueType

_MOST_TRIED = 20_000
_RISING, _FALLING = ("above", "at_least"), ("below", "at_most")


def comparisons(when: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Every `(metric, operator, value)` of a condition, however deep."""
    for word in ("all", "any"):
        for part in when.get(word, ()):
            yield from comparisons(part)
    if "metric" in when:
        yield from ((when["metric"], word, value) for word, value in when.items() if word != "metric")


def tripping(device: Device) -> dict[str, dict[str, Any]]:
    """Per rule of the device, measurements that fulfil it; a rule that nothing fulfils is left out."""
    found = {}
    for name, rule in device.rules.items():
        values: dict[str, list[Any]] = {}
        for metric, _, value in comparisons(rule["when"]):
            values.setdefault(metric, []).append(value)
        choices = [_candidates(values[metric], device.telemetry[metric].type) for metric in values]
        for chosen in islice(product(*choices), _MOST_TRIED):
            data = dict(zip(values, chosen, strict=True))
            if fires(rule, device, data):
                found[name] = data
                break
    return found


def _candidates(values: list[Any], type_: ValueType) -> list[Any]:
    """Values on, between and on both sides of those that a metric is compared with."""
    if not type_.spec.ordered:
        return [*values, *reversed(type_.spec.examples)]
    ordered = sorted(set(values))
    tried = [value + sign * margin(value) for value in ordered for sign in (1, -1)]
    tried += [*ordered, *((low + high) / 2 for low, high in pairwise(ordered))]
    return [round(value) for value in tried] if type_.spec.whole else tried


def calm_range(device: Device, metric: str, low: float, high: float) -> tuple[float, float]:
    """The range, moved to where no comparison of the device's rules holds, if there is such a place."""
    against = [item for rule in device.rules.values() for item in comparisons(rule["when"])]
    upper = min((v - margin(v) for m, op, v in against if m == metric and op in _RISING), default=math.inf)
    lower = max((v + margin(v) for m, op, v in against if m == metric and op in _FALLING), default=-math.inf)
    if lower >= upper:
        return low, high
    half = (high - low) / 2
    if high > upper:
        low, high = min(low, upper - half), upper
    if low < lower:
        low, high = lower, min(max(high, lower + half), upper)
    return low, high


def calm_values(device: Device, metric: str, values: list[Any]) -> list[Any]:
    """Those of `values` with which no comparison of the device's rules holds, or all when there is none."""
    against = [item for rule in device.rules.values() for item in comparisons(rule["when"])]
    equal = [v for m, op, v in against if m == metric and op == "equals"]
    only = [v for m, op, v in against if m == metric and op == "not_equals"]
    calm = [value for value in values if value not in equal and all(value == v for v in only)]
    return calm or ([only[0]] if only and only[0] not in equal else values)


def margin(value: float) -> float:
    """How far from a threshold is far enough to be clearly on one side: 5 %, 1 at least."""
    return max(1.0, abs(value) / 20)
