"""Lets real Terraform evaluate a stack whose provider is not there.

Every resource of such a provider becomes a `terraform_data`, which is part of Terraform itself: its arguments
as the stack wrote them, beside them the attributes that the cloud would have computed, here addresses on
loopback. A data source becomes a local value, which a plan knows as it knows a data source. References are
rewritten accordingly. Count, for_each, outputs, functions and the
order of things stay Terraform's business, so that a wiring mistake in a stack shows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

Body = Mapping[str, Any]
Computed = Callable[[str, str, Body], Mapping[str, Any]]
"""The attributes that a cloud computes: `(type, name, body)` to attributes by name.

`type` of a data source starts with `data.`. A value may hold Terraform expressions, and those of `body`
(`each.key`, references) may be used again. A computed attribute hides an argument of the same name, which is
how a block that is referred to as a list (`service_config[0].uri`) is given its shape.
"""

_OWN = "terraform_data"
"""Terraform's own type. One in the stack stays as it is; the name of a stand-in has `__` in it."""
_META = ("count", "for_each", "depends_on")
_DROPPED = ("//", "lifecycle", "provider", "provisioner", "connection")
_INDEX = r"(?:\[[^\[\]]*\])*"


@dataclass(frozen=True)
class Evaluated:
    """A stack after Terraform: values of each resource by address, and the outputs.

    An address is `azurerm_storage_queue.processing`, with `[0]` or `["key"]` for an instance of several.
    """

    resources: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, Any]

    def of(self, kind: str) -> dict[str, Mapping[str, Any]]:
        """Resources of a type by name; an instance that is counted goes without its `[0]`."""
        found = {}
        for address, values in self.resources.items():
            type_, _, name = address.partition(".")
            if type_ == kind:
                found[name.removesuffix("[0]")] = values
        return found


def rewrite(
    stack: Mapping[str, Any],
    computed: Computed,
    *,
    real: Collection[str] = (),
    but: Collection[str] = (),
) -> dict[str, Any]:
    """The stack with stand-ins. `real` names providers (`aws`) whose resources stay as they are, `but` those
    types of theirs that do not.
    """
    replaced: dict[str, Any] = {}
    kept: dict[str, Any] = {}
    for kind, resources in stack.get("resource", {}).items():
        for name, body in resources.items():
            if kind == _OWN or (_provider(kind) in real and kind not in but):
                kept.setdefault(kind, {})[name] = body
            else:
                replaced[f"{kind}__{name}"] = _standin(kind, name, body, computed)
    data: dict[str, Any] = {}
    known: dict[str, Any] = {}
    for kind, sources in stack.get("data", {}).items():
        for name, body in sources.items():
            if _provider(kind) in real or kind == "terraform_remote_state":
                data.setdefault(kind, {})[name] = body
            else:
                known[f"data__{kind}__{name}"] = _standin(f"data.{kind}", name, body, computed)["input"]
    terraform = dict(stack["terraform"])
    required = {
        key: block
        for key, block in terraform.get("required_providers", {}).items()
        if _own_name(block) in real
    }
    terraform["required_providers"] = required
    made = {
        **stack,
        "terraform": terraform,
        "provider": {name: body for name, body in stack.get("provider", {}).items() if name in real},
        "resource": {**kept, **({_OWN: {**kept.get(_OWN, {}), **replaced}} if replaced else {})},
        "data": data,
        "locals": {**stack.get("locals", {}), **known},
    }
    rewriter = _References({*replaced, *known})
    return {key: rewriter.apply(value) for key, value in made.items() if value}


def evaluated(state: Mapping[str, Any]) -> Evaluated:
    """What is in a state file (version 4), with stand-ins under their own addresses.

    Not `terraform show -json`, which starts the providers for their schemas: seconds of the AWS one's.
    """
    resources: dict[str, Mapping[str, Any]] = {}
    for resource in state["resources"]:
        if resource["mode"] != "managed":
            continue
        kind, name = resource["type"], resource["name"]
        if standin := kind == _OWN and "__" in name:
            kind, _, name = name.partition("__")
        for instance in resource["instances"]:
            index = f"[{json.dumps(instance['index_key'])}]" if "index_key" in instance else ""
            values = instance["attributes"]
            if standin:
                values = (values["output"] or {}).get("value") or {}
            resources[f"{kind}.{name}{index}"] = values
    outputs = {name: output["value"] for name, output in state["outputs"].items()}
    return Evaluated(resources, outputs)


def _standin(kind: str, name: str, body: Body, computed: Computed) -> dict[str, Any]:
    meta = {key: body[key] for key in _META if key in body}
    arguments = {key: value for key, value in body.items() if key not in (*_META, *_DROPPED)}
    return {**meta, "input": {**arguments, **computed(kind, name, body)}}


def _provider(kind: str) -> str:
    """`aws` of `aws_sqs_queue`."""
    return kind.partition("_")[0]


def _own_name(block: Mapping[str, str]) -> str:
    return block["source"].rpartition("/")[2]


class _References:
    """`azurerm_x.y[0].id` to `terraform_data.azurerm_x__y[0].output.id`, wherever Terraform reads it."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
        self._pattern = re.compile(
            rf"(?<![\w.])(data\.)?([a-z][a-z0-9]*_[a-z0-9_]+)\.([A-Za-z_][\w-]*)({_INDEX})(\.(?=[A-Za-z_]))?"
        )

    def apply(self, value: Any, *, expression: bool = False) -> Any:
        if isinstance(value, Mapping):
            # depends_on holds addresses without the marks of an expression.
            return {
                key: self.apply(item, expression=expression or key == "depends_on")
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self.apply(item, expression=expression) for item in value]
        if isinstance(value, str) and (expression or "${" in value):
            return self._pattern.sub(self._one, value)
        return value

    def _one(self, match: re.Match[str]) -> str:
        data, kind, name, index, dot = match.groups()
        made = f"{'data__' if data else ''}{kind}__{name}"
        if made not in self._names:
            return match.group()
        if data:
            return f"local.{made}{index}{dot or ''}"
        return f"terraform_data.{made}{index}" + (".output." if dot else "")
