"""Reads synthesized Terraform JSON in tests: `twinspan.terraform.stackjson`, and what tests alone ask."""

import re
from collections.abc import Iterator
from typing import Any

from twinspan.terraform.stackjson import (
    Block,
    Reference,
    StackJson,
    data_sources,
    interpolations,
    references,
    resources,
    strings,
)

Resource = Block
Stack = StackJson

__all__ = [
    "Reference",
    "Resource",
    "Stack",
    "data_sources",
    "environment",
    "interpolations",
    "references",
    "resources",
    "strings",
    "variables",
]

_VARIABLE = re.compile(r"(?<![\w.])(var|local)\.(\w+)")
_ASSIGNED = re.compile(r'(\w+) = "([^"]*)"')


def environment(value: Any) -> dict[str, str]:
    """What `resources.environment` wrote, with the variables that are there only with the event system."""
    return dict(_ASSIGNED.findall(value)) if isinstance(value, str) else value


def variables(value: Any) -> Iterator[str]:
    """Every `var.x` and `local.x` in the expressions below a value."""
    for _, text in strings(value):
        for expression in interpolations(text):
            yield from (match[0] for match in _VARIABLE.finditer(expression))
