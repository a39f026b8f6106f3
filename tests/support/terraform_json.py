"""Reading synthesized Terraform JSON: resources, the expressions in them, and what those refer to."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

Stack = dict[str, Any]

_REFERENCE = re.compile(
    r"(?<![\w.])(?P<data>data\.)?(?P<type>(?:aws|azapi|azurerm|google|random|terraform|time)_\w+)\.(?P<name>[A-Za-z_][\w-]*)"
    r"(?P<index>\[[^\]]+\])?(?:\.(?P<attribute>\w+))?"
)
_VARIABLE = re.compile(r"(?<![\w.])(var|local)\.(\w+)")


class Resource(NamedTuple):
    """A resource or data block."""

    kind: str
    name: str
    body: dict[str, Any]
    data: bool = False

    @property
    def address(self) -> str:
        return f"{'data.' if self.data else ''}{self.kind}.{self.name}"

    @property
    def counted(self) -> bool:
        return "count" in self.body

    @property
    def labels(self) -> dict[str, str] | None:
        """Tags or labels, whatever the cloud calls them; None where the block has none."""
        for key in ("tags", "labels", "user_labels"):
            if key in self.body:
                return self.body[key]
        return None


@dataclass(frozen=True)
class Reference:
    """A reference in an expression; `index` is the bracket behind the address. No attribute: the block as a
    whole.
    """

    address: str
    index: str | None
    attribute: str | None
    expression: str

    @property
    def kind(self) -> str:
        """The Terraform type."""
        return self.address.removeprefix("data.").split(".")[0]


def resources(stack: Stack, *kinds: str) -> list[Resource]:
    """The resource blocks, of the given types or of all."""
    return [
        Resource(kind, name, body)
        for kind, blocks in stack.get("resource", {}).items()
        if not kinds or kind in kinds
        for name, body in blocks.items()
    ]


def data_sources(stack: Stack) -> list[Resource]:
    return [
        Resource(kind, name, body, data=True)
        for kind, blocks in stack.get("data", {}).items()
        for name, body in blocks.items()
    ]


def strings(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every string below a value, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from strings(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from strings(item, f"{path}[{number}]")


def interpolations(text: str) -> Iterator[str]:
    """The expressions inside `${…}`, the outermost ones; `$${` is text."""
    start = 0
    while (at := text.find("${", start)) >= 0:
        if at and text[at - 1] == "$":
            start = at + 2
            continue
        depth, end = 1, at + 2
        while depth and end < len(text):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        yield text[at + 2 : end - 1]
        start = end


def references(value: Any) -> Iterator[Reference]:
    """Every reference to a resource or data source in the expressions below a value."""
    for _, text in strings(value):
        for expression in interpolations(text):
            for match in _REFERENCE.finditer(expression):
                address = f"{match['data'] or ''}{match['type']}.{match['name']}"
                yield Reference(address, match["index"], match["attribute"], expression)


def variables(value: Any) -> Iterator[str]:
    """Every `var.x` and `local.x` in the expressions below a value."""
    for _, text in strings(value):
        for expression in interpolations(text):
            yield from (match[0] for match in _VARIABLE.finditer(expression))
