"""The definition of the workflow that a fired rule starts, and what Google Cloud would refuse in the user's
own. Pure.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from twinspan.config import Config

DEFAULT = Path(__file__).resolve().parents[4] / "templates" / "workflow" / "gcp.yaml"
SCHEMA = Path(__file__).with_name("workflow_schema.json")
MAX_BYTES = 128 * 1024
"""google_workflows_workflow: source_contents."""
_RESERVED_TARGETS = ("end", "break", "continue")


def text(config: Config) -> str:
    """The twin's own definition as it is written, or Twinspan's."""
    own = config.events.workflow
    return (config.path_of(own) if own else DEFAULT).read_text(encoding="utf-8")


def problems(definition: str) -> Iterator[str]:
    """What is wrong with a definition in YAML or JSON: size, shape, and jumps that lead nowhere."""
    if len(definition.encode()) > MAX_BYTES:
        yield f"is larger than {MAX_BYTES // 1024} KB"
        return
    try:
        document = yaml.safe_load(definition)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        yield "is neither YAML nor JSON" + (f" (line {mark.line + 1})" if mark else "")
        return
    found = False
    for message in _misshapen(document):
        found = True
        yield message
    if not found:
        yield from _lost_jumps(document)


def _misshapen(document: Any) -> Iterator[str]:
    from jsonschema import Draft202012Validator  # only a definition of one's own needs it

    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    for error in sorted(
        Draft202012Validator(schema).iter_errors(document), key=lambda e: list(map(str, e.path))
    ):
        where = ".".join(str(part) for part in error.absolute_path) or "the definition"
        message = error.message if len(error.message) <= 200 else f"{error.message[:200]}…"
        yield f"{where}: {message}"


def _lost_jumps(document: Any) -> Iterator[str]:
    workflows = {"main": {"steps": document}} if isinstance(document, list) else document
    for name, workflow in workflows.items():
        known = set(_step_names(workflow["steps"]))
        for target in _targets(workflow["steps"]):
            if target not in known and target not in _RESERVED_TARGETS and "${" not in target:
                yield f"{name}: next: {target} is no step; the steps are {', '.join(sorted(known))}"


def _step_names(node: Any) -> Iterator[str]:
    """Names of the steps below `node`, nested ones included."""
    if isinstance(node, list):
        for step in node:
            for name, body in step.items():
                yield name
                yield from _nested(body, _step_names)


def _targets(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for step in node:
            for body in step.values():
                if isinstance(body, dict):
                    places = [body, *body.get("switch", ())]
                    yield from (place["next"] for place in places if "next" in place)
                    yield from _nested(body, _targets)


def _nested(body: Any, visit: Any) -> Iterator[str]:
    """`visit` every list of steps inside a step."""
    if isinstance(body, dict):
        for key, value in body.items():
            if key == "steps":
                yield from visit(value)
            elif key in ("try", "except", "for", "parallel"):
                yield from _nested(value, visit)
            elif key in ("switch", "branches"):
                for branch in value:
                    yield from _nested(branch if key == "switch" else next(iter(branch.values())), visit)
