"""Policy documents as text. Expressions inside them hold no quotation marks: JSON would escape those, and
Terraform would not take the escape back."""

import json
from collections.abc import Mapping, Sequence

Statement = Mapping[str, object]


def allow(*actions: str, on: Sequence[str], when: Mapping[str, Mapping[str, str]] | None = None) -> Statement:
    """Permission for `actions` on the resources `on`, under the conditions `when`."""
    statement: dict[str, object] = {"Effect": "Allow", "Action": list(actions), "Resource": list(on)}
    return statement | {"Condition": when} if when else statement


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
