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
    return rule(when).holds(data)


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
    assert by_type.about("d1", "thermostat")
    assert not by_type.about("d1", "pump")
    by_device = rule({"metric": "m", "above": 1}, device_type=None, device="d1")
    assert by_device.about("d1", "thermostat")
    assert not by_device.about("d2", "thermostat")
    assert not by_device.about("thermostat", "d1")


@pytest.mark.parametrize(
    ("operator", "begins", "stays", "ends"),
    [
        ("above", [80.1, 10**400], [78.1, 80], [78, 77]),
        ("at_least", [80, 81], [78, 79], [77.9]),
        ("below", [79.9, -(10**400)], [80, 81.9], [82, 83]),
        ("at_most", [80, 79], [80.1, 82], [82.1]),
    ],
)
def test_hysteresis_keeps_a_comparison_true(
    operator: str, begins: list[float], stays: list[float], ends: list[float]
) -> None:
    (leaf,) = rule({"metric": "m", operator: 80}, hysteresis=2).leaves
    assert [value for value in begins if not (leaf.begins(value) and leaf.stays(value))] == []
    assert [value for value in stays if leaf.begins(value) or not leaf.stays(value)] == []
    assert [value for value in ends if leaf.begins(value) or leaf.stays(value)] == []
    assert not leaf.stays("79")


def test_hysteresis_leaves_integers_of_any_length_exact() -> None:
    (leaf,) = rule({"metric": "m", "above": 10**400}, hysteresis=0.5).leaves
    assert leaf.begins(10**400 + 1)
    assert not leaf.stays(10**400)


def test_times_are_defaults_or_as_they_are_given() -> None:
    plain = rule({"metric": "m", "above": 1})
    assert (plain.lasting, plain.cooldown, plain.repeat, plain.max_age) == (0, 60, None, 900)
    given = {"for": 30, "cooldown": 0, "repeat": 3600, "max_age": 60}
    full = rule({"metric": "m", "above": 1}, **given)
    assert (full.lasting, full.cooldown, full.repeat, full.max_age) == (30, 0, 3600, 60)
    feedback = {"command": "c", "value": 1}
    for extra, seconds in (({}, 300), ({"expires_in": 10}, 10)):
        then = {"feedback": feedback | extra}
        made = rule({"metric": "m", "above": 1}, then=then).feedback
        assert made and made.expires_in == seconds


@pytest.mark.parametrize("field", ["hysteresis", "for", "cooldown", "repeat", "max_age"])
@pytest.mark.parametrize("value", ["30s", -1, True, None, float("nan"), float("inf")])
def test_a_time_that_is_none(field: str, value: Any) -> None:
    document = {
        "name": "r",
        "device": "d",
        "when": {"metric": "m", "above": 1},
        "then": {},
        field: value,
    }
    with pytest.raises(rules.RuleError, match=f"rule 'r': {field} must be a number of 0 or more"):
        rules.parse(document)


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
