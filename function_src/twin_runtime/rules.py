"""Rules: a condition on a device's measurements, and what follows when it holds.

A condition is `{"metric": m, OP: value}` with one or more of the operators (all must hold), or `{"all":
[…]}`, or `{"any": […]}`, nested at will. A metric that the event lacks makes its condition false, whatever
the operator. above, below, at_least and at_most compare numbers; a boolean is not a number, so `true` neither
equals 1 nor is above 0. Anything unknown is an error when the twin is loaded.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

_NUMBERS = (int, float)  # tested faster than a union, once per event and rule
Condition = Callable[[Mapping[str, Any]], bool]
MAX_NESTING = 16


class RuleError(ValueError):
    """A rule cannot be understood; the text names it and says why."""


class Feedback(NamedTuple):
    """The command that a fired rule sends to the device of the event."""

    command: str
    value: Any


class Rule(NamedTuple):
    """One rule, for one device or for all of one type."""

    name: str
    device: str | None
    device_type: str | None
    condition: Condition
    feedback: Feedback | None
    workflow: bool

    def fires(self, device: str, device_type: str, data: Mapping[str, Any]) -> bool:
        """Whether the rule is about this device and its condition holds."""
        about = device == self.device if self.device is not None else device_type == self.device_type
        return about and self.condition(data)


def parse(document: Any) -> Rule:
    """A rule as twin.json has it; raises `RuleError`."""
    if not isinstance(document, dict) or not isinstance(document.get("name"), str):
        raise RuleError("a rule has no name.")
    name = document["name"]
    unknown = sorted(document.keys() - {"name", "device", "device_type", "when", "then"})
    if unknown:
        raise RuleError(f"rule {name!r} has the unknown field {unknown[0]!r}.")
    device, device_type = document.get("device"), document.get("device_type")
    if (device is None) == (device_type is None):
        raise RuleError(f"rule {name!r} needs either device or device_type.")
    then = document.get("then")
    if not isinstance(then, dict):
        raise RuleError(f"rule {name!r} has no 'then'.")
    condition = _condition(document.get("when"), name, 0)
    return Rule(name, device, device_type, condition, _feedback(then, name), then.get("workflow") is True)


def _feedback(then: dict[str, Any], name: str) -> Feedback | None:
    feedback = then.get("feedback")
    if feedback is None:
        return None
    if not isinstance(feedback, dict) or not isinstance(feedback.get("command"), str):
        raise RuleError(f"rule {name!r}: feedback needs a command.")
    return Feedback(feedback["command"], feedback.get("value"))


def _condition(when: Any, name: str, depth: int) -> Condition:
    if not isinstance(when, dict) or not when:
        raise RuleError(f"rule {name!r}: a condition must be an object, such as {{metric: m, above: 1}}.")
    if depth > MAX_NESTING:
        raise RuleError(f"rule {name!r}: conditions nest deeper than {MAX_NESTING} levels.")
    for word, combine in (("all", all), ("any", any)):
        if word in when:
            return _group(when, word, combine, name, depth)
    metric = when.get("metric")
    if not isinstance(metric, str):
        raise RuleError(f"rule {name!r}: a condition needs a metric, or all, or any.")
    tests = [_test(word, wanted, name) for word, wanted in when.items() if word != "metric"]
    if not tests:
        raise RuleError(f"rule {name!r}: the condition on {metric!r} has no operator.")
    if len(tests) == 1:
        only = tests[0]
        return lambda data: metric in data and only(data[metric])
    return lambda data: metric in data and all(test(data[metric]) for test in tests)


def _group(
    when: dict[str, Any], word: str, combine: Callable[[Any], bool], name: str, depth: int
) -> Condition:
    if len(when) > 1 or not isinstance(when[word], list) or not when[word]:
        raise RuleError(f"rule {name!r}: {word!r} stands alone and has a list of at least one condition.")
    parts = [_condition(part, name, depth + 1) for part in when[word]]
    return lambda data: combine(part(data) for part in parts)


def _test(word: str, wanted: Any, name: str) -> Callable[[Any], bool]:
    if word == "equals":
        return lambda value: _same(value, wanted)
    if word == "not_equals":
        return lambda value: not _same(value, wanted)
    compare = _COMPARISONS.get(word)
    if compare is None:
        known = ", ".join([*_COMPARISONS, "equals", "not_equals"])
        raise RuleError(f"rule {name!r}: unknown operator {word!r}; the operators are {known}.")
    if not _number(wanted):
        raise RuleError(f"rule {name!r}: {word!r} needs a number.")
    return lambda value: _number(value) and compare(value, wanted)


def _number(value: Any) -> bool:
    return isinstance(value, _NUMBERS) and not isinstance(value, bool)


def _same(value: Any, wanted: Any) -> bool:
    """Equal as JSON values: a boolean is equal to a boolean only."""
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    return value == wanted


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "above": operator.gt,
    "below": operator.lt,
    "at_least": operator.ge,
    "at_most": operator.le,
}
