"""Schemas of resource types, as Terraform's plugin protocol describes them."""

import json
import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Any

from support.planes.protocol import Message, message

Type = Any
"""A type in Terraform's JSON notation: "string", ["list", "string"], ["object", {…}], "dynamic"."""
_NOTATION = re.compile(r"(?P<type>[a-z]+(?:\([a-z]+\))?)(?P<flags>[!?+*-]*)")
_NESTING = {"struct": 1, "list": 2, "set": 3}


@dataclass(frozen=True)
class Attribute:
    """An argument (required or optional), or what the provider computes, or both."""

    type: Type
    required: bool = False
    optional: bool = False
    computed: bool = False
    sensitive: bool = False
    write_only: bool = False

    @classmethod
    def parse(cls, text: str) -> "Attribute":
        """Read `map(string)?+`: a type, then flags.

        `!` required, `?` optional, `+` computed, `*` sensitive, `-` write-only.
        """
        match = _NOTATION.fullmatch(text)
        assert match, text
        outer, _, inner = match["type"].rstrip(")").partition("(")
        flags = match["flags"]
        return cls([outer, inner] if inner else outer, *(flag in flags for flag in "!?+*-"))


@dataclass(frozen=True)
class Block:
    """Attributes and nested blocks by name; a nested block comes with its nesting: struct, list or set."""

    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    blocks: Mapping[str, tuple[str, "Block"]] = field(default_factory=dict)

    @property
    def type(self) -> Type:
        """The type of the block's values."""
        parts = {name: attribute.type for name, attribute in self.attributes.items()}
        for name, (nesting, block) in self.blocks.items():
            parts[name] = block.type if nesting == "struct" else [nesting, block.type]
        return ["object", parts]

    def computing(self, paths: Set[str], prefix: str = "") -> "Block":
        """The same, in which the provider computes some arguments (by dotted path) when they are left out."""
        attributes = {
            name: replace(attribute, required=False, optional=True, computed=True)
            if prefix + name in paths and attribute.optional
            else attribute
            for name, attribute in self.attributes.items()
        }
        blocks = {
            name: (nesting, block.computing(paths, f"{prefix}{name}."))
            for name, (nesting, block) in self.blocks.items()
        }
        return Block(attributes, blocks)

    def message(self) -> Message:
        """The block as the protocol carries it."""
        made = message("Schema.Block")
        for name, attribute in sorted(self.attributes.items()):
            made.attributes.add(
                name=name,
                type=json.dumps(attribute.type).encode(),
                required=attribute.required,
                optional=attribute.optional,
                computed=attribute.computed,
                sensitive=attribute.sensitive,
                write_only=attribute.write_only,
            )
        for name, (nesting, block) in sorted(self.blocks.items()):
            made.block_types.add(type_name=name, nesting=_NESTING[nesting], block=block.message())
        return made


def strings(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every known text in a value, with its dotted path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from strings(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item, path)
