"""Workflow definitions in the Logic Apps language: Twinspan's own, and what is said of a wrong one."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from support.layouts import twin_data
from twinspan import twinfile
from twinspan.azure.events import definition
from twinspan.config import Config

from .stacks import ALL

SCHEMA = json.loads(Path(__file__).with_name("logic_app_schema.json").read_text(encoding="utf-8"))
OWN = json.loads(definition.default())


def changed(**fields: Any) -> str:
    return json.dumps(copy.deepcopy(OWN) | fields)


def test_twinspan_s_own_is_right() -> None:
    assert list(definition.problems(definition.default())) == []
    jsonschema.validate(OWN, SCHEMA)


def test_twinspan_s_own_notifies_and_waits() -> None:
    parsed = definition.parse(definition.default())
    assert parsed.notifies
    notify = parsed.content["actions"]["notify"]
    assert notify["type"] == "HttpWebhook"
    assert notify["limit"] == {"timeout": "PT15M"}
    assert "listCallbackUrl()" in notify["inputs"]["subscribe"]["body"]["acknowledge_url"]


def test_a_firing_is_one_notification() -> None:
    """The notification is the one request to the URL. What follows it sends nothing. A run counts as failed,
    on which there is an alarm, where no notification was sent. Logic Apps would call a run failed, too, whose
    last action failed or timed out: so each end but success is written down.
    """
    content = definition.parse(definition.default()).content
    assert json.dumps(content["actions"]).count("parameters('notify_url')") == 1
    ends = {
        status: action["inputs"]["runStatus"]
        for name, action in content["actions"].items()
        if name != "notify"
        for status in action["runAfter"]["notify"]
        if action["type"] == "Terminate"
    }
    assert ends == {"TimedOut": "Cancelled", "Failed": "Failed"}
    assert {action["type"] for action in content["actions"].values()} == {"HttpWebhook", "Terminate"}


def test_the_schema_refuses_what_the_check_refuses() -> None:
    for text in (changed(triggers={}), changed(actions={}), changed(actions={"a": {"inputs": {}}}), "[]"):
        assert list(definition.problems(text))
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(json.loads(text), SCHEMA)


ACTION = {"type": "Http", "inputs": {"method": "GET", "uri": "https://example.org"}}


def after(name: str, *statuses: str) -> dict[str, Any]:
    return ACTION | {"runAfter": {name: list(statuses)}}


def with_parameter(name: str, kind: str) -> str:
    return changed(parameters=OWN["parameters"] | {name: {"type": kind}})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "it is not JSON: "),
        ("[]", "it is not a JSON object"),
        (json.dumps({"definition": OWN}), "keep what stands under 'definition'"),
        (changed(steps={}), "'steps' is not part of a definition"),
        (changed(**{"$schema": "https://example.org"}), "'$schema' is not that of the language"),
        (changed(triggers={}), "'triggers' must hold exactly one trigger"),
        (changed(triggers=OWN["triggers"] | {"two": {}}), "'triggers' must hold exactly one trigger"),
        (changed(triggers={"t": {"type": "Recurrence"}}), "trigger 't' must have the type Request"),
        (changed(triggers={"t": {"type": "Request", "inputs": {"method": "GET"}}}), "must take POST"),
        (changed(triggers={"t": {"type": "Request", "inputs": {"relativePath": "x"}}}), "has a relativePath"),
        (changed(triggers={"t": {"type": "Request", "inputs": {"schema": []}}}), "with a schema object"),
        (changed(actions={}), "'actions' is missing or empty"),
        (changed(actions={"a": {}}), "actions.a has no type"),
        (changed(actions={"a" * 81: ACTION}), "of at most 80"),
        (changed(actions={"a": after("b", "Succeeded")}), "names 'b', which is no action"),
        (changed(actions={"a": ACTION, "b": after("a", "Done")}), "must list one or more of Failed"),
        (changed(actions={"a": ACTION, "b": after("a")}), "must list one or more of Failed"),
        (changed(actions={"a": ACTION | {"runAfter": []}}), "actions.a.runAfter is not an object"),
        (changed(actions={"a": after("a", "Failed")}), "a wait for each other"),
        (changed(actions={"s": {"type": "Scope", "actions": {"x": {}}}}), "actions.s.actions.x has no type"),
        (changed(actions={"i": {"type": "If", "else": {"actions": {"x": {}}}}}), "i.else.actions.x has no"),
        (
            changed(actions={"s": {"type": "Switch", "cases": {"c": {"actions": {"x": {}}}}}}),
            "actions.s.cases.c.actions.x has no type",
        ),
        (changed(parameters={}), "parameters('notify_url') is used and not declared"),
        (with_parameter("p", "Text"), "parameter 'p' has no known type"),
        (with_parameter("p", "String"), "parameter 'p' has no defaultValue"),
        (with_parameter("$connections", "Object"), "call services by HTTP"),
        (changed(parameters=[]), "'parameters' is not an object"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(text: str, message: str) -> None:
    found = list(definition.problems(text))
    assert [problem for problem in found if message in problem], found
    with pytest.raises(ValueError, match=re.escape(found[0])):
        definition.parse(text)


def test_nesting_has_a_bound() -> None:
    action: dict[str, Any] = ACTION
    for _ in range(9):
        action = {"type": "Scope", "actions": {"deeper": action}}
    assert any(
        "nested deeper than 8" in problem for problem in definition.problems(changed(actions={"a": action}))
    )


def test_actions_may_stand_in_any_order() -> None:
    actions = {
        "last": ACTION | {"runAfter": {"middle": ["Succeeded"]}},
        "middle": ACTION | {"runAfter": {"first": ["Succeeded"]}},
        "first": ACTION,
    }
    assert definition.parse(changed(actions=actions)).content["actions"] == actions


def test_what_azure_asks_for_beside_triggers_and_actions_is_added() -> None:
    bare = {name: OWN[name] for name in ("triggers", "actions", "parameters")}
    content = definition.parse(json.dumps(bare)).content
    assert (content["$schema"], content["contentVersion"]) == (definition.SCHEMA, "1.0.0.0")


def test_a_user_s_definition_is_checked_with_the_file_s_name(tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text(changed(actions={}), encoding="utf-8")
    data = twin_data(ALL)
    data["device_types"]["thermostat"].pop("processor")
    data["events"]["workflow"] = "own.json"
    config = Config.model_validate(data, context={"folder": tmp_path})
    (problem,) = twinfile.workflow_problems(config)
    assert problem.field == "events.workflow"
    assert "own.json" in problem.message
    assert "'actions' is missing or empty" in problem.message
