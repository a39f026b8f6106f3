"""Reading synthesized Terraform JSON: blocks, the layers they belong to, the expressions in them, and what
those refer to.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from twin_runtime.roles import Layer

EVENTS_VARIABLE = "enable_events"
StackJson = dict[str, Any]
"""A `cdk.tf.json` as it was parsed."""

_REFERENCE = re.compile(
    r"(?<![\w.])(?P<data>data\.)?(?P<type>(?:aws|azapi|azurerm|google|random|terraform|time)_\w+)\.(?P<name>[A-Za-z_][\w-]*)"
    r"(?P<index>\[[^\]]+\])?(?:\.(?P<attribute>\w+))?"
)


class Block(NamedTuple):
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

    @property
    def path(self) -> tuple[str, ...]:
        """Where its construct stands, the stack first: `("aws", "processing", "persister", "role")`."""
        return tuple(self.body["//"]["metadata"]["path"].split("/"))


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


class Blocks:
    """The blocks of one stack: which layer each belongs to, and whether it is optional."""

    def __init__(self, stack: StackJson) -> None:
        self.resources = tuple(resources(stack))
        self._by_address = {block.address: block for block in (*self.resources, *data_sources(stack))}

    def at(self, address: str) -> Block:
        """The resource or data source of an address; KeyError when the stack has none."""
        try:
            return self._by_address[address]
        except KeyError:
            raise KeyError(f"the stack has no block {address}") from None

    def optional(self, block: Block) -> bool:
        """Whether a block is part of the event system: `count` or `for_each` depends on the flag, if only by
        way of another block's.
        """
        repeated = f"{block.body.get('count')}{block.body.get('for_each')}"
        if f"var.{EVENTS_VARIABLE}" in repeated:
            return True
        return any(self.optional(self.at(target.address)) for target in references(repeated))

    def layer(self, block: Block) -> Layer | None:
        """The layer that a block says it belongs to; else that of the construct it is part of; None for
        what the layers share.
        """
        if layer := (block.labels or {}).get("layer"):
            return _layer(layer)
        return self._layers_of_constructs[block.path[1]]

    @cached_property
    def _layers_of_constructs(self) -> dict[str, Layer | None]:
        """The layer of each construct right below the stack: the one it is named after, else the one that
        all labels in it name.
        """
        said: dict[str, set[str]] = {}
        for block in self.resources:
            labels = block.labels or {}
            said.setdefault(block.path[1], set()).update({labels["layer"]} if "layer" in labels else ())
        return {part: _layer(part) or _agreed(layers) for part, layers in said.items()}


def _layer(word: str) -> Layer | None:
    return next((layer for layer in Layer if layer == word.replace("-", "_")), None)


def _agreed(layers: set[str]) -> Layer | None:
    return _layer(next(iter(layers))) if len(layers) == 1 else None


def resources(stack: StackJson, *kinds: str) -> list[Block]:
    """The resource blocks, of the given types or of all."""
    return [
        Block(kind, name, body)
        for kind, blocks in stack.get("resource", {}).items()
        if not kinds or kind in kinds
        for name, body in blocks.items()
    ]


def data_sources(stack: StackJson) -> list[Block]:
    return [
        Block(kind, name, body, data=True)
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


def pieces(text: str) -> Iterator[tuple[bool, str]]:
    """A template in order: literal text (False) and the insides of `${…}` (True), the outermost ones; `$${`
    is text.
    """
    start = done = 0
    while (at := text.find("${", start)) >= 0:
        if at and text[at - 1] == "$":
            start = at + 2
            continue
        depth, end = 1, at + 2
        while depth and end < len(text):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        if done < at:
            yield False, text[done:at]
        yield True, text[at + 2 : end - 1]
        start = done = end
    if done < len(text):
        yield False, text[done:]


def interpolations(text: str) -> Iterator[str]:
    """The expressions inside `${…}`, the outermost ones; `$${` is text."""
    return (piece for is_expression, piece in pieces(text) if is_expression)


def references(value: Any) -> Iterator[Reference]:
    """Every reference to a resource or data source in the expressions below a value."""
    for _, text in strings(value):
        for expression in interpolations(text):
            yield from referred(expression)


def referred(expression: str) -> Iterator[Reference]:
    """The references in a bare expression, the inside of `${…}`."""
    for match in _REFERENCE.finditer(expression):
        address = f"{match['data'] or ''}{match['type']}.{match['name']}"
        yield Reference(address, match["index"], match["attribute"], expression)
