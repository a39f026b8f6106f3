"""Workflow definitions in the Logic Apps language: reading one, and what Azure or Twinspan would refuse in
it.

The language: learn.microsoft.com/azure/logic-apps/logic-apps-workflow-definition-language. No cdktf here.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEFAULT = Path(__file__).resolve().parents[4] / "templates" / "workflow" / "azure.json"
SCHEMA = "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#"
PARAMETER_TYPES = ("array", "bool", "float", "int", "object", "secureobject", "securestring", "string")
STATUSES = ("Failed", "Skipped", "Succeeded", "TimedOut")
METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
_KNOWN = ("$schema", "actions", "contentVersion", "description", "outputs", "parameters", "triggers")
NOTIFY_PARAMETER = "notify_url"
"""The parameter that a deployment gives a value to."""
_LONGEST_NAME = 80
_DEEPEST = 8
_PARAMETER = re.compile(r"parameters\(\s*'([^']+)'\s*\)")

Json = dict[str, Any]


@dataclass(frozen=True)
class Definition:
    """A definition that Azure takes: `content` as it is sent, and the name of its one trigger."""

    trigger: str
    content: Json

    @property
    def notifies(self) -> bool:
        """Whether the definition uses the notification URL."""
        return NOTIFY_PARAMETER in self.content.get("parameters", {})


def default() -> str:
    """Twinspan's own: notify, and wait for an acknowledgement."""
    return DEFAULT.read_text(encoding="utf-8")


def parse(text: str) -> Definition:
    """The definition in a file's text; ValueError with all that is wrong with it."""
    if found := list(problems(text)):
        raise ValueError("; ".join(found))
    content = {"$schema": SCHEMA, "contentVersion": "1.0.0.0", **json.loads(text)}
    (trigger,) = content["triggers"]
    return Definition(trigger, content)


def problems(text: str) -> Iterator[str]:
    """One sentence for each thing that is wrong; none when the definition is right."""
    try:
        definition = json.loads(text)
    except ValueError as error:
        yield f"it is not JSON: {error}"
        return
    if not isinstance(definition, dict):
        yield "it is not a JSON object; write the workflow's definition, with triggers and actions"
        return
    if isinstance(definition.get("definition"), dict):
        yield "it is a whole resource; keep what stands under 'definition'"
        return
    for key in sorted(definition.keys() - set(_KNOWN)):
        yield f"'{key}' is not part of a definition; it has {', '.join(_KNOWN)}"
    if definition.get("$schema", SCHEMA).rstrip("#") != SCHEMA.rstrip("#"):
        yield f"'$schema' is not that of the language; write {SCHEMA}"
    yield from _parameters(definition, text)
    yield from _trigger(definition.get("triggers"))
    actions = definition.get("actions")
    if not isinstance(actions, dict) or not actions:
        yield "'actions' is missing or empty; give at least one action"
    else:
        yield from _actions(actions, "actions", depth=1)


def _parameters(definition: Json, text: str) -> Iterator[str]:
    parameters = definition.get("parameters", {})
    if not isinstance(parameters, dict):
        yield "'parameters' is not an object of parameters by name"
        return
    for name, parameter in parameters.items():
        if name == "$connections":
            yield "'$connections' needs connections, which Twinspan does not make; call services by HTTP"
        elif not isinstance(parameter, dict) or str(parameter.get("type")).lower() not in PARAMETER_TYPES:
            yield f"parameter '{name}' has no known type; it is one of {', '.join(PARAMETER_TYPES)}"
        elif "defaultValue" not in parameter and name != NOTIFY_PARAMETER:
            yield f"parameter '{name}' has no defaultValue, and nothing gives it one"
    for name in sorted(set(_PARAMETER.findall(text)) - parameters.keys()):
        yield f"parameters('{name}') is used and not declared under 'parameters'"


def _trigger(triggers: Any) -> Iterator[str]:
    if not isinstance(triggers, dict) or len(triggers) != 1:
        yield "'triggers' must hold exactly one trigger, by which the event checker starts a run"
        return
    ((name, trigger),) = triggers.items()
    if not isinstance(trigger, dict) or trigger.get("type") != "Request":
        yield f"trigger '{name}' must have the type Request: the event checker starts a run by HTTP"
        return
    inputs = trigger.get("inputs", {})
    if not isinstance(inputs, dict) or not isinstance(inputs.get("schema", {}), dict):
        yield f"trigger '{name}' must have inputs with a schema object, or none"
        return
    if inputs.get("method", "POST") != "POST":
        yield f"trigger '{name}' must take POST, which the event checker sends, not {inputs['method']}"
    if "relativePath" in inputs:
        yield f"trigger '{name}' has a relativePath, which the event checker does not know; leave it out"


def _actions(actions: Json, path: str, *, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        yield f"{path} is nested deeper than {_DEEPEST} levels"
        return
    for name, action in actions.items():
        where = f"{path}.{name}"
        if len(name) > _LONGEST_NAME:
            yield f"{where} has a name of {len(name)} characters, of at most {_LONGEST_NAME}"
        if not isinstance(action, dict) or not isinstance(action.get("type"), str):
            yield f"{where} has no type"
            continue
        yield from _run_after(action, where, actions)
        for key, nested in _nested(action):
            yield from _actions(nested, f"{where}.{key}", depth=depth + 1)
    if circle := _circle(actions):
        yield f"{path}: {', '.join(sorted(circle))} wait for each other"


def _run_after(action: Json, where: str, siblings: Json) -> Iterator[str]:
    after = action.get("runAfter", {})
    if not isinstance(after, dict):
        yield f"{where}.runAfter is not an object of statuses by action"
        return
    for name, statuses in after.items():
        if name not in siblings:
            yield f"{where}.runAfter names '{name}', which is no action beside it"
        if not isinstance(statuses, list) or not statuses or any(s not in STATUSES for s in statuses):
            yield f"{where}.runAfter.{name} must list one or more of {', '.join(STATUSES)}"


def _nested(action: Json) -> Iterator[tuple[str, Json]]:
    """The groups of actions inside one: a scope's, both branches of a condition, the cases of a switch."""
    if isinstance(action.get("actions"), dict):
        yield "actions", action["actions"]
    for key in ("else", "default"):
        if isinstance(branch := action.get(key), dict) and isinstance(branch.get("actions"), dict):
            yield f"{key}.actions", branch["actions"]
    cases = action.get("cases")
    for name, case in cases.items() if isinstance(cases, dict) else ():
        if isinstance(case, dict) and isinstance(case.get("actions"), dict):
            yield f"cases.{name}.actions", case["actions"]


def _circle(actions: Json) -> set[str]:
    """The actions that never come because they wait for each other."""
    waiting = {
        name: set(action["runAfter"])
        for name, action in actions.items()
        if isinstance(action, dict) and isinstance(action.get("runAfter"), dict)
    }
    while ready := [name for name, others in waiting.items() if not others & waiting.keys()]:
        for name in ready:
            del waiting[name]
    return set(waiting)
