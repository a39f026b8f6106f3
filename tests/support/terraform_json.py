"""Reading synthesized Terraform JSON in tests: as the guides read it."""

from twinspan.terraform.stackjson import (
    Block,
    Reference,
    StackJson,
    data_sources,
    environment,
    interpolations,
    references,
    resources,
    strings,
    variables,
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
