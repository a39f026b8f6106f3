"""What a resource type is like beside its schema: the rules of `kinds.toml`, and the texts that they make."""

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from support.planes.schema import Attribute, Block
from support.planes.wire import UNKNOWN

Values = Mapping[str, Any]
ALWAYS = ("name", "location", "region", "project", "resource_group_name")
"""Arguments of which another value makes another resource, of any type."""
_GROUP = "/subscriptions/{subscription}/resourceGroups/{resource_group_name}"
_FIELD = re.compile(r"\{([\w.]+)(?::(\w+))?\}")


@dataclass(frozen=True)
class Kind:
    """The rules of a type; `kinds.toml` says what each is."""

    id: str = "{name}"
    unique: str = ""
    additive: bool = False
    unread: bool = False
    known_as: Sequence[str] = ()
    within: Sequence[str] = ()
    bound: Mapping[str, str] = field(default_factory=dict)
    needs: Sequence[str] = ()
    replace: Sequence[str] = ()
    computed: Sequence[str] = ()
    suppresses_size: Sequence[str] = ()
    json: Sequence[str] = ()
    unchecked: Sequence[str] = ()
    made: Mapping[str, str] = field(default_factory=dict)
    renewed: Sequence[str] = ()
    protected: Mapping[str, Any] = field(default_factory=dict)
    schema: Mapping[str, Any] = field(default_factory=dict)

    def replaces(self, argument: str) -> bool:
        """Whether another value of an argument makes another resource."""
        return argument in (*ALWAYS, *self.replace) or "*" in self.replace

    def block(self, bound: Block | None) -> Block:
        """The type's schema, out of its binding or its own."""
        if bound is None:
            return _own(self.schema)
        return bound.computing({*self.computed, "project"})

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """How an id of this type looks, when that is sure."""
        template = self.id.replace("{group}", _GROUP)
        if not template.startswith(("projects/", "/subscriptions/")) or "{role}" in template:
            return None
        literals = _FIELD.sub("\0", template).split("\0")
        return re.compile(r"[^/\s\"',:\\]+".join(map(re.escape, literals)))


@cache
def kinds() -> Mapping[str, Kind]:
    """All types that have rules of their own."""
    source = Path(__file__).with_name("kinds.toml").read_text("utf-8")
    table: dict[str, dict[str, Any]] = tomllib.loads(source)
    return {name: Kind(**rules) for name, rules in table.items()}


def kind_of(name: str) -> Kind:
    """The rules of a type."""
    return kinds().get(name, Kind())


def text(template: str, values: Values) -> str:
    """The template filled in; empty when one of its values is not there."""
    filled = template.replace("{group}", _GROUP)
    for match in [*_FIELD.finditer(filled)]:
        value = _at(values, match[1])
        if value in (None, "", UNKNOWN):
            return ""
        filled = filled.replace(match[0], _formatted(str(value), match[2]))
    return filled


def _at(values: Any, path: str) -> Any:
    """The value at a dotted path, or None; of a list its first element is taken."""
    for part in path.split("."):
        values = (values or [None])[0] if isinstance(values, list) else values
        values = values.get(part) if isinstance(values, Mapping) else None
    return values


def _formatted(value: str, how: str | None) -> str:
    if how == "last":
        return value.rpartition("/")[2]
    if how == "kind":
        kind = value.partition("@")[0]
        within = kind.count("/") > 1  # a type that another one's resources have within them
        return kind.rpartition("/")[2] if within else f"providers/{kind}"
    return hashlib.sha256(value.encode()).hexdigest() if how == "secret" else value


def _own(schema: Mapping[str, Any]) -> Block:
    attributes = {name: Attribute.parse(flags) for name, flags in schema.items() if isinstance(flags, str)}
    blocks = {name: ("list", _own(inner)) for name, inner in schema.items() if not isinstance(inner, str)}
    return Block(attributes, blocks)
