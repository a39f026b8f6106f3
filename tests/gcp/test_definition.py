"""Definitions of the workflow: Twinspan's own, and what is said of the user's."""

import pytest
import yaml

from gcp.stacks import ALL, gcp_stack
from support.layouts import twin_config
from twinspan.gcp.events import definition

MINIMAL = "main:\n  steps:\n    - done: {return: 1}\n"


def test_the_default_is_right() -> None:
    text = definition.text(twin_config(ALL))
    assert list(definition.problems(text)) == []
    steps = [name for step in yaml.safe_load(text)["main"]["steps"] for name in step]
    assert steps == ["offer_acknowledgement", "notify", "wait", "acknowledged"]


def test_a_firing_is_one_mail() -> None:
    """One entry of an execution matches the alarm on notices. google_monitoring_alert_policy,
    label_extractors: each combination of labels counts as a rule of its own, and the URL differs between
    executions, so the limit on notifications holds none back. A policy on logs notifies when an incident
    opens alone.
    """
    text = definition.text(twin_config(ALL))
    assert text.count("notice:") == text.count("sys.log") == 1
    condition = gcp_stack(ALL)["resource"]["google_monitoring_alert_policy"]["workflow"]["conditions"][0]
    matched = condition["condition_matched_log"]
    assert "jsonPayload.notice:*" in matched["filter"]
    assert matched["label_extractors"]["acknowledge"] == "EXTRACT(jsonPayload.acknowledge)"
    assert "acknowledge: ${acknowledgement.url}" in text


@pytest.mark.parametrize(
    "text",
    [
        MINIMAL,
        "- done: {return: 1}",
        '{"main": {"params": ["args", {"limit": 5}], "steps": [{"a": {"call": "helper", "result": "b"}}]}, '
        '"helper": {"steps": [{"x": {"return": "${1 + 1}"}}]}}',
        "- loop:\n    for: {value: v, in: [1], steps: [{a: {next: continue}}]}\n- end_it: {next: end}",
        "- both:\n    parallel:\n      shared: [x]\n"
        "      branches: [{a: {steps: [{b: {return: 1}}]}}, {c: {steps: [{d: {return: 2}}]}}]",
        "- careful:\n    try: {call: http.get, args: {url: u}, result: r}\n    retry: ${http.default_retry}\n"
        "    except: {as: e, steps: [{known: {switch: [{condition: true, return: 1},"
        " {condition: false, next: careful}]}}]}",
    ],
)
def test_right_definitions(text: str) -> None:
    assert list(definition.problems(text)) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("main: [", "neither YAML nor JSON (line 1)"),
        ("7", "not of type 'object'"),
        ("helper:\n  steps:\n    - a: {return: 1}\n", "'main' is a required property"),
        ("main: {steps: []}", "main.steps: []"),
        (
            "main:\n  steps:\n    - a: {cal: http.get}\n",
            "main.steps.0.a: Additional properties are not allowed ('cal'",
        ),
        ("- a: {args: {url: u}}", "'call' is a dependency of 'args'"),
        ("- a: {return: 1}\n  b: {return: 2}", "has too many properties"),
        ("- a: {next: nowhere}", "main: next: nowhere is no step; the steps are a"),
        ("- a:\n    switch: [{condition: true, next: gone}]", "next: gone is no step"),
        (
            "- a:\n    try: {steps: [{b: {next: lost}}]}\n    except: {as: e, steps: [{c: {next: a}}]}",
            "next: lost",
        ),
        ("- a:\n    for: {value: v, in: [1], range: [1, 2], steps: [{b: {return: 1}}]}", "0.a.for"),
        ("- a: {return: " + "x" * 140_000 + "}", "larger than 128 KB"),
    ],
)
def test_wrong_definitions(text: str, said: str) -> None:
    assert said in "\n".join(definition.problems(text))
