"""Policy documents as text. Expressions inside them hold no quotation marks: JSON would escape those, and
Terraform would not take the escape back."""

import json
from collections.abc import Mapping, Sequence
from typing import cast

from twin_runtime.roles import Role
from twinspan.inventory import Grant, Inventory
from twinspan.terraform.resources import Ref

Statement = Mapping[str, object]


def allow(*actions: str, on: Sequence[str], when: Mapping[str, Mapping[str, str]] | None = None) -> Statement:
    """Permission for `actions` on the resources `on`, under the conditions `when`."""
    statement: dict[str, object] = {"Effect": "Allow", "Action": list(actions), "Resource": list(on)}
    return statement | {"Condition": when} if when else statement


def record(
    inventory: Inventory, policy: Ref, *statements: Statement, to: Role | str, about: Ref | None = None
) -> Ref:
    """Record the statements of a policy that was just placed, and return it. `about` is the block that a
    function reads or writes by them.
    """
    for statement in statements:
        actions, resources = cast(list[str], statement["Action"]), cast(list[str], statement["Resource"])
        inventory.record(
            Grant(
                address=policy.address,
                to=to,
                may=tuple(actions),
                on=tuple(resources),
                about=about.address if about else "",
            )
        )
    return policy


def document(*statements: Statement) -> str:
    """A policy of one or more statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(service: str, when: Mapping[str, Mapping[str, str]] | None = None) -> str:
    """The trust policy of a role that one service of AWS assumes."""
    statement: dict[str, object] = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": service},
    }
    return document(statement | {"Condition": when} if when else statement)


def trust_scheduler(account: str, group: str) -> str:
    """The trust policy of a role that EventBridge Scheduler assumes for the schedules of `group`, an ARN."""
    when = {"StringEquals": {"aws:SourceAccount": account, "aws:SourceArn": group}}
    return trust("scheduler.amazonaws.com", when)
