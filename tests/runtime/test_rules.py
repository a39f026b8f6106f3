"""Rules fire on what they name, and on nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from twin_runtime import rules


def rule(when: Any, **changes: Any) -> rules.Rule:
    document: dict[str, Any] = {
        "name": "r",
        "device_type": "thermostat",
        "when": when,
        "then": {"workflow": True},
    }
    return rules.parse({k: v for k, v in (document | changes).items() if v is not None})


def holds(when: Any, **data: Any) -> bool:
    return rule(when).fires("d", "thermostat", data)


@pytest.mark.parametrize(
    ("operator", "threshold", "true", "false"),
    [
        ("above", 80, [80.1, 81, 10**400], [80, 79, "81", True, None, [81]]),
        ("above", 0, [0.5], [True, False]),
        ("below", 80, [79.9, -(10**400)], [80, 81, "1", False, None]),
        ("at_least", 80, [80, 80.0, 81], [79.99, "80", True]),
        ("at_most", 80, [80, 79], [80.01, False, "1"]),
        ("equals", 1, [1, 1.0], [True, "1", 2, None]),
        ("equals", True, [True], [1, 1.0, "true", False]),
        ("equals", "on", ["on"], ["off", 1, True]),
        ("equals", None, [None], [0, False, ""]),
        ("not_equals", 1, [2, True, "1", None], [1, 1.0]),
        ("not_equals", False, [True, 0], [False]),
    ],
)
def test_operators(operator: str, threshold: Any, true: list[Any], false: list[Any]) -> None:
    when = {"metric": "m", operator: threshold}
    assert [value for value in true if not holds(when, m=value)] == []
    assert [value for value in false if holds(when, m=value)] == []


@pytest.mark.parametrize("operator", ["above", "below", "at_least", "at_most", "equals", "not_equals"])
def test_a_missing_metric_makes_the_condition_false(operator: str) -> None:
    assert not holds({"metric": "m", operator: 1}, other=1)


def test_groups_nest() -> None:
    when = {
        "all": [
            {"metric": "a", "above": 1},
            {"any": [{"metric": "b", "equals": "x"}, {"all": [{"metric": "c", "below": 0}]}]},
        ]
    }
    assert holds(when, a=2, b="x")
    assert holds(when, a=2, c=-1)
    assert not holds(when, a=2, b="y", c=1)
    assert not holds(when, a=0, b="x", c=-1)


def test_several_operators_on_one_metric_all_hold() -> None:
    when = {"metric": "m", "above": 1, "below": 3}
    assert holds(when, m=2)
    assert not holds(when, m=3)


def test_a_rule_is_about_its_device_or_its_type_only() -> None:
    by_type = rule({"metric": "m", "above": 1})
    assert by_type.fires("d1", "thermostat", {"m": 2})
    assert not by_type.fires("d1", "pump", {"m": 2})
    by_device = rule({"metric": "m", "above": 1}, device_type=None, device="d1")
    assert by_device.fires("d1", "thermostat", {"m": 2})
    assert not by_device.fires("d2", "thermostat", {"m": 2})
    assert not by_device.fires("thermostat", "d1", {"m": 2})


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ({"metric": "m", "exceeds": 1}, "unknown operator 'exceeds'"),
        ({"metric": "m"}, "no operator"),
        ({"above": 1}, "needs a metric"),
        ({"metric": 1, "above": 1}, "needs a metric"),
        ({"metric": "m", "above": "1"}, "needs a number"),
        ({"metric": "m", "above": True}, "needs a number"),
        ({"all": []}, "at least one"),
        ({"all": [{"metric": "m", "above": 1}], "any": []}, "stands alone"),
        ({}, "must be an object"),
        (None, "must be an object"),
        ([], "must be an object"),
    ],
)
def test_what_is_not_understood_is_an_error_at_load(when: Any, reason: str) -> None:
    with pytest.raises(rules.RuleError, match=reason):
        rules.parse({"name": "r", "device": "d", "when": when, "then": {}})


def test_nesting_is_bounded() -> None:
    when: dict[str, Any] = {"metric": "m", "above": 1}
    for _ in range(17):
        when = {"any": [when]}
    with pytest.raises(rules.RuleError, match="nest deeper"):
        rule(when)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"device": "d"}, "either device or device_type"),
        ({"device_type": None}, "either device or device_type"),
        ({"colour": "red"}, "unknown field 'colour'"),
        ({"then": None}, "no 'then'"),
        ({"then": {"feedback": {"value": 1}}}, "feedback needs a command"),
        ({"name": None}, "no name"),
    ],
)
def test_rules_that_are_incomplete(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(rules.RuleError, match=reason):
        rule({"metric": "m", "above": 1}, **changes)
