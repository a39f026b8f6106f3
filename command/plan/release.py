"""Lifts the protection of stores whose deletion the operator has asked for.

The clouds refuse to delete what they protect, and Terraform deletes with what the state says of it. Terraform
therefore first writes the unprotected value, and nothing else, to the resources of those stores.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from command.plan import scratch
from command.plan.reading import LOCK, Loss
from command.terraform.program import Heard, Program, Stack
from twinspan.terraform.stackjson import StackJson

KIND = "release"
PLAN = "twinspan.tfplan"


@dataclass(frozen=True)
class _Lock:
    """Arguments that a provider demands of a type, and the values that let it be deleted."""

    demanded: tuple[str, ...]
    off: Mapping[str, Any]


_LOCKS: Mapping[str, _Lock] = {
    "aws_dynamodb_table": _Lock(
        ("name", "hash_key", "range_key", "billing_mode", "attribute"), {"deletion_protection_enabled": False}
    ),
    "aws_s3_bucket": _Lock(("bucket",), {"force_destroy": True}),
    "google_firestore_database": _Lock(
        ("project", "name", "location_id", "type"),
        {"delete_protection_state": "DELETE_PROTECTION_DISABLED", "deletion_policy": "DELETE"},
    ),
    "google_secret_manager_secret": _Lock(
        ("project", "secret_id", "replication"), {"deletion_protection": False}
    ),
    "google_storage_bucket": _Lock(("project", "name", "location"), {"force_destroy": True}),
    LOCK: _Lock(("type", "resource_id"), {"method": "DELETE"}),
}
"""By type: its own protection, or the lock that protects another resource."""


def locked(losses: Iterable[Loss]) -> dict[str, Mapping[str, Any]]:
    """What has to change before the losses can be deleted: address and values in the state."""
    return {
        address: values
        for loss in losses
        for address, values in ((loss.address, loss.values), *loss.locks)
        if (lock := _LOCKS.get(address.partition(".")[0]))
        and any(values.get(name) not in (value, None) for name, value in lock.off.items())
    }


def release(
    program: Program,
    stack: Stack,
    body: StackJson,
    losses: Iterable[Loss],
    variables: Mapping[str, str],
    heard: Heard | None = None,
) -> None:
    """Lift the protection of what is locked. Raises `TerraformFailed`."""
    protected = locked(losses)
    if not protected:
        return
    target = scratch.make(program, stack, KIND, unlocked(body, protected))
    options = [f"-target={address}" for address in protected]
    target.plan(PLAN, variables, *options)
    target.apply(PLAN, heard)


def unlocked(stack: StackJson, protected: Mapping[str, Mapping[str, Any]]) -> StackJson:
    """The stack with what `locked` found as it is in the state, but for its protection."""
    made = copy.deepcopy(stack)
    for address, values in protected.items():
        kind, _, name = address.partition(".")
        lock = _LOCKS[kind]
        demanded = {
            key: _without_null(value)
            for key in lock.demanded
            if (value := values.get(key)) not in (None, [], "")
        }
        others = sorted(
            key
            for key, value in values.items()
            if key not in (*lock.off, "id", "arn") and value not in (None, [], {}, "")
        )
        made.setdefault("resource", {}).setdefault(kind, {})[name] = {
            **scratch.as_json(demanded),
            **lock.off,
            "lifecycle": {"ignore_changes": others},
        }
    return made


def _without_null(value: object) -> object:
    """A value of the state without what is not set in its blocks."""
    if isinstance(value, list):
        return [_without_null(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _without_null(item) for key, item in value.items() if item not in (None, [])}
    return value
