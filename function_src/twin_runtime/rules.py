"""Rules: a condition on a device's measurements, when it counts, and what follows.

A condition is `{"metric": m, OP: value}` with one or more of the operators (all must hold), or `{"all":
[…]}`, or `{"any": […]}`, nested at will. above, below, at_least and at_most compare numbers; a boolean is not
a number, so `true` neither equals 1 nor is above 0. Anything unknown is an error when the twin is loaded.

Each comparison of a condition is a leaf. An event changes the truth of the leaves whose metrics it has, and
of no others. A leaf whose metric no event has had is false. `rule_state` says when a rule fires by it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from twin_runtime import jsontext

_NUMBERS = (int, float)  # the very types: bool is one of int's
Test = Callable[[Any], bool]
Condition = Callable[[Sequence[bool]], bool]
"""Whether a condition holds, by the truth of the rule's leaves."""
MAX_NESTING = 16
COOLDOWN_S = 60
MAX_AGE_S = 900
EXPIRES_IN_S = 300
"""What counts where a rule does not say: as in twin.yaml."""


class RuleError(ValueError):
    """A rule cannot be understood; the text names it and says why."""


class Feedback(NamedTuple):
    """The command that a fired rule sends to the device of the event, and for how many seconds it is good."""

    command: str
    value: Any
    expires_in: float = EXPIRES_IN_S


class Leaf(NamedTuple):
    """One comparison: whether a value makes it true, and whether a value keeps it true. The two differ by the
    rule's hysteresis.
    """

    metric: str
    begins: Test
    stays: Test


class Rule(NamedTuple):
    """One rule, for one device or for all of one type. Times are in seconds."""

    name: str
    device: str | None
    device_type: str | None
    leaves: tuple[Leaf, ...]
    condition: Condition
    digest: str
    """Of the condition: the truth of leaves is kept by their order in it."""
    feedback: Feedback | None
    workflow: bool
    lasting: float = 0
    """How long the condition must hold before the rule fires: `for` in twin.yaml."""
    cooldown: float = COOLDOWN_S
    repeat: float | None = None
    max_age: float = MAX_AGE_S

    def about(self, device: str, device_type: str) -> bool:
        """Whether the rule is about this device."""
        return device == self.device if self.device is not None else device_type == self.device_type

    def holds(self, data: Mapping[str, Any]) -> bool:
        """Whether these measurements alone fulfil the condition."""
        return self.condition(
            [leaf.metric in data and leaf.begins(data[leaf.metric]) for leaf in self.leaves]
        )


_FIELDS = frozenset(
    ("name", "device", "device_type", "when", "then", "hysteresis", "for", "cooldown", "repeat", "max_age")
)


def parse(document: Any) -> Rule:
    """A rule as twin.json has it; raises `RuleError`."""
    if not isinstance(document, dict) or not isinstance(document.get("name"), str):
        raise RuleError("a rule has no name.")
    name = document["name"]
    unknown = sorted(document.keys() - _FIELDS)
    if unknown:
        raise RuleError(f"rule {name!r} has the unknown field {unknown[0]!r}.")
    device, device_type = document.get("device"), document.get("device_type")
    if (device is None) == (device_type is None):
        raise RuleError(f"rule {name!r} needs either device or device_type.")
    then = document.get("then")
    if not isinstance(then, dict):
        raise RuleError(f"rule {name!r} has no 'then'.")
    hysteresis = _seconds(document, "hysteresis", name, 0)
    leaves: list[Leaf] = []
    condition = _condition(document.get("when"), name, hysteresis, leaves, 0)
    known = jsontext.canonical([document["when"], hysteresis])
    return Rule(
        name,
        device,
        device_type,
        tuple(leaves),
        condition,
        sha256(known.encode("ascii")).hexdigest()[:8],
        _feedback(then, name),
        then.get("workflow") is True,
        lasting=_seconds(document, "for", name, 0),
        cooldown=_seconds(document, "cooldown", name, COOLDOWN_S),
        repeat=_seconds(document, "repeat", name, 0) if "repeat" in document else None,
        max_age=_seconds(document, "max_age", name, MAX_AGE_S),
    )


def _seconds(document: Mapping[str, Any], key: str, name: str, default: float) -> float:
    """A number that is not negative."""
    value = document.get(key, default)
    if not _number(value) or not 0 <= value < 1e300:
        raise RuleError(f"rule {name!r}: {key} must be a number of 0 or more.")
    return value


def _feedback(then: dict[str, Any], name: str) -> Feedback | None:
    feedback = then.get("feedback")
    if feedback is None:
        return None
    if not isinstance(feedback, dict) or not isinstance(feedback.get("command"), str):
        raise RuleError(f"rule {name!r}: feedback needs a command.")
    expires_in = _seconds(feedback, "expires_in", name, EXPIRES_IN_S)
    return Feedback(feedback["command"], feedback.get("value"), expires_in)


def _condition(when: Any, name: str, hysteresis: float, leaves: list[Leaf], depth: int) -> Condition:
    """The condition; its comparisons are put behind `leaves`."""
    if not isinstance(when, dict) or not when:
        raise RuleError(f"rule {name!r}: a condition must be an object, such as {{metric: m, above: 1}}.")
    if depth > MAX_NESTING:
        raise RuleError(f"rule {name!r}: conditions nest deeper than {MAX_NESTING} levels.")
    for word, combine in (("all", all), ("any", any)):
        if word in when:
            if len(when) > 1 or not isinstance(when[word], list) or not when[word]:
                raise RuleError(
                    f"rule {name!r}: {word!r} stands alone and has a list of at least one condition."
                )
            return _group(
                [_condition(part, name, hysteresis, leaves, depth + 1) for part in when[word]], combine
            )
    metric = when.get("metric")
    if not isinstance(metric, str):
        raise RuleError(f"rule {name!r}: a condition needs a metric, or all, or any.")
    tests = [_tests(word, wanted, name, hysteresis) for word, wanted in when.items() if word != "metric"]
    if not tests:
        raise RuleError(f"rule {name!r}: the condition on {metric!r} has no operator.")
    at = len(leaves)
    leaves.append(Leaf(metric, _every([test for test, _ in tests]), _every([test for _, test in tests])))
    return lambda truths: truths[at]


def _group(parts: list[Condition], combine: Callable[[Any], bool]) -> Condition:
    return lambda truths: combine(part(truths) for part in parts)


def _every(tests: list[Test]) -> Test:
    return tests[0] if len(tests) == 1 else lambda value: all(test(value) for test in tests)


def _tests(word: str, wanted: Any, name: str, hysteresis: float) -> tuple[Test, Test]:
    """What makes a comparison true, and what keeps it true."""
    if word in ("equals", "not_equals"):
        test = _equal(wanted, word == "equals")
        return test, test
    if word not in _COMPARISONS:
        known = ", ".join([*_COMPARISONS, "equals", "not_equals"])
        raise RuleError(f"rule {name!r}: unknown operator {word!r}; the operators are {known}.")
    if not _number(wanted):
        raise RuleError(f"rule {name!r}: {word!r} needs a number.")
    compare, back = _COMPARISONS[word]
    begins = _ordered(compare, wanted)
    if not hysteresis:
        return begins, begins
    # An integer of any length stays exact.
    return begins, _ordered(compare, wanted + back * (int(hysteresis) if abs(wanted) > 1e300 else hysteresis))


def _equal(wanted: Any, equal: bool) -> Test:
    return lambda value: same(value, wanted) is equal


def _ordered(compare: Callable[[Any, Any], bool], bound: float) -> Test:
    return lambda value: type(value) in _NUMBERS and compare(value, bound)


def _number(value: Any) -> bool:
    return type(value) in _NUMBERS


def same(value: Any, wanted: Any) -> bool:
    """Equal as JSON values: a boolean is equal to a boolean only."""
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    return bool(value == wanted)


_COMPARISONS: Mapping[str, tuple[Callable[[Any, Any], bool], int]] = {
    "above": (operator.gt, -1),
    "below": (operator.lt, 1),
    "at_least": (operator.ge, -1),
    "at_most": (operator.le, 1),
}
"""Each comparison with an order, and to which side of its bound the hysteresis is."""
