"""Rules: the condition and the command must fit the device type."""

import pytest
import yaml

from tests.config.conftest import FULL, put
from twin_runtime.rules import parse
from twinspan.config import load
from twinspan.config.events import MOST_RULES

RULE = "events.rules.0"
SUBJECT = (
    "events.rules[0]: give exactly one of device_type (every device of the type) and device (that one), got "
)
OPERATORS = "above, below, at_least, at_most, equals, not_equals"

CASES = {
    "metric unknown": (
        f"{RULE}.when",
        {"metric": "temprature", "above": 80},
        "events.rules[0].when.metric: 'temprature' is not a metric of thermostat; did you mean "
        "'temperature'?",
    ),
    "operator misspelt": (
        f"{RULE}.when",
        {"metric": "temperature", "abov": 80},
        "events.rules[0].when.abov: is not a known field; did you mean 'above'?",
    ),
    "no operator": (
        f"{RULE}.when",
        {"metric": "temperature"},
        f"events.rules[0].when: compare the metric by exactly one of {OPERATORS}, for example above: 80",
    ),
    "two operators": (
        f"{RULE}.when",
        {"metric": "temperature", "above": 80, "below": 90},
        f"events.rules[0].when: compare the metric by exactly one of {OPERATORS}, got above and below; "
        "split them with all:",
    ),
    "above on text": (
        f"{RULE}.when",
        {"metric": "mode", "above": 80},
        "events.rules[0].when.above: needs a number, but mode is of type string; use equals or not_equals",
    ),
    "above a text": (
        f"{RULE}.when",
        {"metric": "temperature", "above": "80"},
        "events.rules[0].when.above: must be a number, got '80'; write 80 without quotes",
    ),
    "above infinity": (
        f"{RULE}.when",
        {"metric": "temperature", "above": float("inf")},
        "events.rules[0].when.above: must be a finite number, got inf; write one that a 64-bit "
        "float can hold",
    ),
    "equals of another type": (
        f"{RULE}.when",
        {"metric": "open", "equals": 1},
        "events.rules[0].when.equals: 1 is not of type boolean, which open is; write true or false "
        "without quotes",
    ),
    "fraction of an integer": (
        f"{RULE}.when",
        {"metric": "cycles", "not_equals": 1.5},
        "events.rules[0].when.not_equals: 1.5 is not of type integer, which cycles is; "
        "write a whole number without quotes",
    ),
    "true is no number": (
        f"{RULE}.when",
        {"metric": "temperature", "equals": True},
        "events.rules[0].when.equals: true is not of type number, which temperature is; "
        "write a finite number without quotes",
    ),
    "nested metric": (
        f"{RULE}.when",
        {"all": [{"metric": "open", "equals": True}, {"any": [{"metric": "humidty", "below": 5}]}]},
        "events.rules[0].when.all[1].any[0].metric: 'humidty' is not a metric of thermostat; did "
        "you mean 'humidity'?",
    ),
    "nested unknown field": (
        f"{RULE}.when",
        {"any": [{"all": [{"metric": "humidity", "bellow": 5}]}]},
        "events.rules[0].when.any[0].all[0].bellow: is not a known field; did you mean 'below'?",
    ),
    "empty group": (
        f"{RULE}.when",
        {"all": []},
        "events.rules[0].when.all: is empty; give at least one entry",
    ),
    "when is text": (
        f"{RULE}.when",
        "temperature > 80",
        "events.rules[0].when: must be a mapping, got 'temperature > 80'; write its fields below it, "
        "for example when: {metric: temperature, above: 80}",
    ),
    "then empty": (
        f"{RULE}.then",
        {"workflow": False},
        "events.rules[0].then: has no effect; give feedback: {command: …, value: …}, workflow: true, or both",
    ),
    "command unknown": (
        f"{RULE}.then.feedback",
        {"command": "setpoint", "value": 20},
        "events.rules[0].then.feedback.command: 'setpoint' is not a command of thermostat; did you "
        "mean 'set_point'?",
    ),
    "command value of another type": (
        f"{RULE}.then.feedback",
        {"command": "level", "value": 20.5},
        "events.rules[0].then.feedback.value: 20.5 is not of type integer, which level takes; "
        "write a whole number without quotes",
    ),
    "command value is a list": (
        f"{RULE}.then.feedback",
        {"command": "level", "value": [1]},
        "events.rules[0].then.feedback.value: must be a number, true, false or text, got a list",
    ),
    "type unknown": (
        f"{RULE}.device_type",
        "thermostats",
        "events.rules[0].device_type: 'thermostats' is not a device type of this file; did you "
        "mean 'thermostat'?",
    ),
    "both subjects": (f"{RULE}.device", "thermostat-1", SUBJECT + "both"),
    "no subject": (f"{RULE}.device_type", ..., SUBJECT + "neither"),
    "hysteresis without an order": (
        f"{RULE}",
        {
            "name": "overheating",
            "device_type": "thermostat",
            "when": {"all": [{"metric": "open", "equals": True}, {"metric": "mode", "not_equals": "eco"}]},
            "hysteresis": 2,
            "then": {"workflow": True},
        },
        "events.rules[0].hysteresis: needs a comparison by above, below, at_least, at_most; leave it out of "
        "a rule without one",
    ),
    "no hysteresis": (
        f"{RULE}.hysteresis",
        0,
        "events.rules[0].hysteresis: must be above 0, got 0; leave it out for no hysteresis",
    ),
    "hysteresis as text": (
        f"{RULE}.hysteresis",
        "2",
        "events.rules[0].hysteresis: must be a number, got '2'; write 2 without quotes",
    ),
    "repeat within the cooldown": (
        f"{RULE}",
        {
            "name": "overheating",
            "device_type": "thermostat",
            "when": {"metric": "temperature", "above": 80},
            "cooldown": "2h",
            "repeat": "90m",
            "then": {"workflow": True},
        },
        "events.rules[0].repeat: 90m is shorter than the cooldown of 2h; write 2h or more",
    ),
    "repeat too often": (
        f"{RULE}.repeat",
        "59s",
        "events.rules[0].repeat: must be at least 1m, got 59s; write 1m or more",
    ),
    "for without a unit": (
        f"{RULE}.for",
        30,
        "events.rules[0].for: 30 is not a duration; write a whole number with its unit, such as 30s, 30m, "
        "30h or 30d",
    ),
    "for nothing": (
        f"{RULE}.for",
        "0s",
        "events.rules[0].for: must be at least 1s, got 0s; write 1s or more",
    ),
    "cooldown too long": (
        f"{RULE}.cooldown",
        "31d",
        "events.rules[0].cooldown: must be at most 30d, got 31d; write 30d or less",
    ),
    "max_age too short": (
        f"{RULE}.max_age",
        "9s",
        "events.rules[0].max_age: must be at least 10s, got 9s; write 10s or more",
    ),
    "a command that expires at once": (
        f"{RULE}.then.feedback.expires_in",
        "0s",
        "events.rules[0].then.feedback.expires_in: must be at least 10s, got 0s; write 10s or more",
    ),
    "rule name": (
        f"{RULE}.name",
        "over heating",
        "events.rules[0].name: 'over heating' is not allowed; use up to 64 letters, digits, '_' "
        "and '-'; start with a letter",
    ),
}


@pytest.mark.parametrize(("where", "value", "said"), CASES.values(), ids=CASES)
def test_one_wrong_rule(changed, where, value, said):
    assert changed(where, value) == [said]


def _rule(**fields):
    return {
        "name": "second",
        "device": "thermostat-1",
        "when": {"metric": "mode", "equals": "eco"},
        "then": {"workflow": True},
    } | fields


def test_repeated_rule_name(changed):
    assert changed("events.rules.1", _rule(name="overheating")) == [
        "events.rules[1].name: 'overheating' is already the name of events.rules[0]; give each its own name"
    ]


def test_unknown_device(changed):
    assert changed("events.rules.1", _rule(device="thermostat-2")) == [
        "events.rules[1].device: 'thermostat-2' is not a device of this file; did you mean 'thermostat-1'?"
    ]


def test_rule_of_a_device_is_checked_against_its_type(changed):
    assert changed("events.rules.1", _rule(when={"metric": "mode", "equals": 5})) == [
        "events.rules[1].when.equals: 5 is not of type string, which mode is; put it in quotes"
    ]


def test_no_commands_at_all(changed):
    assert changed("device_types.thermostat.commands", {}) == [
        "events.rules[0].then.feedback.command: 'set_point' is not a command of thermostat, which has none; "
        "add it to the commands of thermostat"
    ]


def _nested(depth: int):
    condition = {"metric": "open", "equals": True}
    for level in range(depth):
        condition = {"all" if level % 2 else "any": [condition]}
    return condition


def test_nesting_is_bounded(changed):
    assert changed("events.rules.0.when", _nested(8)) == []
    (said,) = changed("events.rules.0.when", _nested(9))
    assert said.endswith("all: and any: nest more than 8 deep; make it two rules")


def test_integer_metric_may_be_compared_with_a_fraction(changed):
    assert changed("events.rules.0.when", {"metric": "cycles", "above": 1.5}) == []


def test_large_and_small_numbers_stay_exact(changed):
    assert changed("events.rules.0.when", {"metric": "cycles", "equals": 10**39}) == []
    assert changed("events.rules.0.when", {"metric": "temperature", "above": 1e-300}) == []


def test_when_a_rule_fires_has_defaults(twin):
    rule = load(twin).events.rules[0]
    assert (rule.hysteresis, rule.hold, rule.cooldown, rule.repeat, rule.max_age) == (
        None,
        None,
        "1m",
        None,
        "15m",
    )
    assert rule.then.feedback is not None
    assert rule.then.feedback.expires_in == "5m"
    assert rule.document() == {
        "name": "overheating",
        "device_type": "thermostat",
        "when": {"metric": "temperature", "above": 80},
        "cooldown": 60,
        "max_age": 900,
        "then": {"feedback": {"command": "set_point", "value": 20, "expires_in": 300}, "workflow": True},
    }


def test_twin_json_has_seconds_that_the_functions_read(twin):
    fields = {"hysteresis": 2.5, "for": "30s", "cooldown": "0s", "repeat": "1h", "max_age": "1d"}
    feedback = {"command": "set_point", "value": 20, "expires_in": "90s"}
    when = {"any": [{"metric": "temperature", "above": 80}, {"metric": "open", "equals": True}]}
    data = yaml.safe_load(FULL)
    put(data, "events.rules", [_rule(when=when, then={"feedback": feedback}) | fields])
    twin.write_text(yaml.safe_dump(data), encoding="utf-8")
    (rule,) = load(twin).events.rules
    read = parse(rule.document())
    assert (read.lasting, read.cooldown, read.repeat, read.max_age) == (30, 0, 3600, 86_400)
    assert read.feedback and read.feedback.expires_in == 90
    assert read.leaves[0].stays(77.6) and not read.leaves[0].stays(77.5)


@pytest.mark.parametrize("count", [MOST_RULES, MOST_RULES + 1])
def test_the_rules_about_a_device_are_bounded(changed, count):
    half = count // 2
    rules = [_rule(name=f"d{n}") for n in range(half)]
    rules += [_rule(name=f"t{n}", device=..., device_type="thermostat") for n in range(count - half)]
    rules = [{key: value for key, value in rule.items() if value is not ...} for rule in rules]
    said = changed("events.rules", rules)
    assert said == (
        []
        if count == MOST_RULES
        else [
            f"events.rules[{half - 1}]: 'thermostat-1' has more than 50 rules or 200 comparisons; join "
            "rules, or compare in the processor"
        ]
    )


def test_the_comparisons_of_the_rules_about_a_device_are_bounded(changed):
    rules = [
        _rule(name=f"t{number}", when={"all": [{"metric": "temperature", "above": n} for n in range(101)]})
        for number in range(2)
    ]
    assert changed("events.rules", rules) == [
        "events.rules[1]: 'thermostat-1' has more than 50 rules or 200 comparisons; join rules, or compare "
        "in the processor"
    ]
