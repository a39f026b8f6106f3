"""Reads a plan of one stack (`terraform show -json`) as facts about the twin. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from command.plan import stores
from twin_runtime.roles import Cloud
from twinspan import outputs
from twinspan.terraform.holdings import Holding
from twinspan.terraform.stackjson import Blocks, StackJson
from twinspan.topology import LINKS_STACK

Plan = Mapping[str, Any]
"""A plan as `terraform show -json` prints it."""
STAND_IN = "twinspan_stand_in"
"""Name of the resource that a scratch copy has in the place of outputs which are not there yet."""

LOCK = "azapi_resource_action"
"""The type that writes a management lock."""
_LOCKS = "/Microsoft.Authorization/locks/"


class Action(StrEnum):
    CREATE = "create"
    CHANGE = "change"
    REPLACE = "replace"
    DELETE = "delete"


_ACTIONS = {
    ("create",): Action.CREATE,
    ("update",): Action.CHANGE,
    ("delete",): Action.DELETE,
    ("delete", "create"): Action.REPLACE,
    ("create", "delete"): Action.REPLACE,
}


@dataclass(frozen=True)
class Loss:
    """A resource with data that the plan deletes or replaces. `because` names the arguments that force a
    replacement, or is `TAINTED` alone.
    """

    store: str
    address: str
    kind: str
    holds: Holding
    action: Action
    because: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The resource in the state, with secrets."""
    locks: tuple[tuple[str, Mapping[str, Any]], ...] = field(default=(), repr=False, compare=False)
    """Address and values of each management lock on the resource, or on a part of it."""


TAINTED = "tainted"
"""In the place of an argument: an apply that was interrupted has left the resource so."""
_TAINTED = "replace_because_tainted"
"""Terraform's word for that."""
_KEY_IS_GONE = "delete_because_each_key"
"""Terraform's word for an instance whose key `for_each` no longer has."""
_PER_DEVICE = (Holding.DEVICES, Holding.MESSAGES)
"""What blocks with an instance for each device hold."""


@dataclass(frozen=True)
class Deployment:
    """The output `deployment` of a stack."""

    layers: tuple[str, ...] = ()
    former: tuple[str, ...] = ()
    events: bool | None = None
    key_generation: int | None = None
    keys_revoked_before: int | None = None
    twinspan: str | None = None

    @classmethod
    def of(cls, value: Mapping[str, Any] | None) -> Deployment | None:
        if value is None:
            return None
        names = cls.__dataclass_fields__
        known = {name: item for name, item in value.items() if name in names}
        return cls(**{**known, **{name: tuple(value.get(name, ())) for name in ("layers", "former")}})


@dataclass(frozen=True)
class Reading:
    """What the plan of a stack does. `actions` are by address, without what stays."""

    stack: str
    actions: Mapping[str, Action]
    losses: tuple[Loss, ...]
    functions: Mapping[str, Action]
    """By role: functions that appear or go, and those whose code changes."""
    before: Deployment | None
    after: Deployment | None
    variables: Mapping[str, Any]
    outputs_change: bool = False

    @property
    def empty(self) -> bool:
        return not self.actions and not self.outputs_change

    def of(self, action: Action) -> list[str]:
        """The addresses with an action."""
        return sorted(address for address, each in self.actions.items() if each is action)


def read(name: str, plan: Plan, stack: StackJson, known: stores.Before | None = None) -> Reading:
    """Read the plan of the stack `name`, whose JSON is `stack`. `known`: the layers of its blocks so far."""
    changes = [
        each
        for each in plan.get("resource_changes", ())
        if each.get("mode", "managed") == "managed" and each.get("name") != STAND_IN
    ]
    actions = {
        each["address"]: action
        for each in changes
        if (action := _ACTIONS.get(tuple(each["change"]["actions"])))
    }
    deployment = plan.get("output_changes", {}).get(outputs.DEPLOYMENT, {})
    return Reading(
        stack=name,
        actions=actions,
        losses=tuple(_losses(name, changes, actions, Blocks(stack), _locks(plan), known)),
        functions=dict(_functions(changes, actions)),
        before=Deployment.of(deployment.get("before")),
        after=Deployment.of(deployment.get("after")),
        variables={key: each.get("value") for key, each in plan.get("variables", {}).items()},
        outputs_change=any(each["actions"] != ["no-op"] for each in plan.get("output_changes", {}).values()),
    )


def _losses(
    name: str,
    changes: list[Any],
    actions: Mapping[str, Action],
    blocks: Blocks,
    locks: Mapping[str, Mapping[str, Any]],
    known: stores.Before | None,
) -> Iterator[Loss]:
    if name == LINKS_STACK:  # keys and versions of secrets, which the stack makes again
        return
    for each in changes:
        address, change = each["address"], each["change"]
        action, holds = actions.get(address), stores.held(address)
        if holds is Holding.NOTHING or (action is not Action.DELETE and action is not Action.REPLACE):
            continue
        # A device that has left twin.yaml: that its thing and its commands go is what the edit is for.
        if each.get("action_reason") == _KEY_IS_GONE and holds in _PER_DEVICE:
            continue
        before = change["before"] or {}
        forced = {str(path[0]) for path in change.get("replace_paths") or () if path}
        yield Loss(
            store=stores.store(address, Cloud(name), before, blocks, known),
            address=address,
            kind=each["type"],
            holds=holds,
            action=action,
            because=(TAINTED,) if each.get("action_reason") == _TAINTED else tuple(sorted(forced)),
            values=before,
            locks=tuple(
                (address, lock)
                for address, lock in locks.items()
                if before.get("id") and lock["resource_id"].startswith(f"{before['id']}/")
            ),
        )


def _locks(plan: Plan) -> dict[str, Mapping[str, Any]]:
    """The management locks in the state. An action wrote each, so that it stays when its block goes."""
    found = plan.get("prior_state", {}).get("values", {}).get("root_module", {}).get("resources", ())
    return {
        each["address"]: each["values"]
        for each in found
        if each["type"] == LOCK and _LOCKS in (each["values"].get("resource_id") or "")
    }


def _functions(changes: list[Any], actions: Mapping[str, Action]) -> Iterator[tuple[str, Action]]:
    for each in changes:
        action = actions.get(each["address"])
        code = _CODE.get(each["type"])
        if action is None or code is None:
            continue
        before, after = each["change"]["before"], each["change"]["after"]
        if "/locks@" in str((after or before).get("type")):  # an action, too
            continue
        role = _role(after or before) or each["name"]
        if action in (Action.CREATE, Action.DELETE):
            yield role, action
        elif code(before) != code(after):
            yield role, Action.CHANGE


def _role(values: Mapping[str, Any]) -> str | None:
    body = _object(values.get("body"))
    for holder in (values, body):
        for name in ("tags", "labels"):
            if role := (holder.get(name) or {}).get("role"):
                return role
    return None


def _object(value: Any) -> Mapping[str, Any]:
    """azapi's body, an object or its JSON."""
    if isinstance(value, str):
        value = json.loads(value)
    return value if isinstance(value, Mapping) else {}


def _first(value: Any, *path: str) -> Any:
    """Down a path of blocks, each of which is a list of one."""
    for name in path:
        value = (value[0] if value else None) if isinstance(value, list) else value
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


_CODE = {
    "aws_lambda_function": lambda values: values.get("source_code_hash"),
    "azapi_resource_action": lambda values: _first(
        _object(values.get("body")), "properties", "parameters", "packageBlob", "value"
    ),
    "google_cloudfunctions2_function": lambda values: _first(
        values, "build_config", "source", "storage_source", "object"
    ),
}
"""By type: the name or hash of the package, of the values of a function or of its deployment."""
