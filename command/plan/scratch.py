"""Scratch copies of a stack: Terraform plans them on the stack's own state, and the stack stays as it is."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from command.plan.reading import STAND_IN
from command.terraform.program import Program, Stack
from twinspan.terraform.resources import literal
from twinspan.terraform.stackjson import Block, StackJson, resources, strings

_JSON = "cdk.tf.json"
_OUTPUT = re.compile(
    r"try\(data\.terraform_remote_state\.(?P<stack>\w+)\.outputs\.(?P<name>\w+), "
    r'(?P<otherwise>null|\{\}|"[^"]*")\)'
)
"""What `twinspan.terraform.backend.output` writes."""


def make(program: Program, stack: Stack, kind: str, body: StackJson) -> Stack:
    """Make the copy `<out>/<kind>/<stack>` of a stack with another JSON; return it, ready to plan.

    It is as deep below the project's folder as the stack, because paths of local states are relative.
    """
    folder = stack.folder.parents[1] / kind / stack.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for entry in stack.folder.iterdir():
        if entry.name not in (_JSON, ".terraform") and not entry.name.endswith((".tfplan", ".tfstate")):
            (folder / entry.name).symlink_to(os.path.relpath(entry, folder))
    (folder / _JSON).write_text(json.dumps(body, indent=1), "utf-8")
    return Stack(program, stack.name, folder, data=stack.data)


def remove(out: Path, *kinds: str) -> None:
    """Remove copies, of which plans contain keys."""
    for kind in kinds:
        shutil.rmtree(out / kind, ignore_errors=True)


def unprotected(stack: StackJson, addresses: Collection[str] | None = None) -> StackJson:
    """The stack without `prevent_destroy`: everywhere, or on the resources at `addresses`."""
    made = copy.deepcopy(stack)
    for block in resources(made):
        if addresses is None or block.address in addresses:
            _allow(block)
    return made


def _allow(block: Block) -> None:
    block.body.get("lifecycle", {}).pop("prevent_destroy", None)


def with_outputs(
    stack: StackJson, plans: Mapping[str, Mapping[str, Any]], bodies: Mapping[str, StackJson]
) -> StackJson:
    """The stack `links` with the outputs that the plans of the other stacks end with, in the place of those
    in their states. What a plan does not know yet is unknown here, too; `bodies`, the stacks' JSON, say of
    what form it is.
    """
    made = copy.deepcopy(stack)
    remote = made.get("data", {}).pop("terraform_remote_state", {})
    if not made.get("data"):
        made.pop("data", None)
    values = {name: _outputs(plans.get(name, {}), bodies.get(name, {})) for name in remote}
    made.setdefault("resource", {}).setdefault("terraform_data", {})[STAND_IN] = {"input": ""}
    local = {f"{STAND_IN}_{name}": value for name, value in values.items()}
    return {**_rewritten(made, values), "locals": {**made.get("locals", {}), **local}}


def _rewritten(value: Any, outputs: Mapping[str, Mapping[str, Any]]) -> Any:
    """A value with each `try(<output of another stack>, <otherwise>)` decided: Terraform cannot decide one
    with a part that is not known yet.
    """
    if isinstance(value, Mapping):
        return {key: _rewritten(item, outputs) for key, item in value.items()}
    if isinstance(value, list):
        return [_rewritten(item, outputs) for item in value]
    if not isinstance(value, str):
        return value

    def decided(match: re.Match[str]) -> str:
        there = outputs[match["stack"]].get(match["name"]) is not None
        return f"local.{STAND_IN}_{match['stack']}.{match['name']}" if there else match["otherwise"]

    return _OUTPUT.sub(decided, value)


def _outputs(plan: Mapping[str, Any], body: StackJson) -> dict[str, Any]:
    """The outputs after a plan. Terraform says of a value with one unknown part that all of it is unknown."""
    return {
        name: _unknown(body["output"][name]["value"])
        if change.get("after_unknown")
        else as_json(change["after"])
        for name, change in plan.get("output_changes", {}).items()
        if change["actions"] != ["delete"]
    }


def _unknown(written: Any) -> Any:
    """A value as the stack writes it, with each expression replaced by one that is not known yet."""
    if isinstance(written, Mapping):
        return {key: _unknown(item) for key, item in written.items()}
    if isinstance(written, list):
        return [_unknown(item) for item in written]
    if isinstance(written, str) and "${" in written.replace("$${", ""):
        return f"${{terraform_data.{STAND_IN}.output}}"
    return written


def as_json(value: Any) -> Any:
    """A value as JSON that Terraform reads back unchanged."""
    if isinstance(value, Mapping):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return literal(value) if isinstance(value, str) else value


def reads(stack: StackJson) -> dict[str, set[str]]:
    """The outputs of other stacks that a stack reads, by stack."""
    found: dict[str, set[str]] = {}
    for _, text in strings(stack):
        for match in _OUTPUT.finditer(text):
            found.setdefault(match["stack"], set()).add(match["name"])
    return found
