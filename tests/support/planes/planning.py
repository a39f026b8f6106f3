"""What a provider plans for a resource: its arguments, and the attributes that stay or are not known yet.

google and azurerm are built on terraform-plugin-sdk (helper/schema/schema.go), which has rules of its own
about changes. Null and the empty value are the same. An empty text for an argument that the provider
computes when it is left out changes nothing. One unknown value makes a whole map unknown, or empty.
"""

import json
from collections.abc import Mapping
from typing import Any

from support.planes.kinds import Kind
from support.planes.schema import Attribute, Block
from support.planes.wire import UNKNOWN, has_unknown

Values = Mapping[str, Any]


def planned(kind: Kind, block: Block, config: Values, prior: Values | None) -> dict[str, Any]:
    """The values after apply; `prior` itself when nothing changes."""
    made = _Plan(kind).block(block, config, prior, "")
    if prior is not None and not same(made, prior):
        for name in kind.renewed:
            made[name] = UNKNOWN if block.attributes[name].type == "dynamic" else made[name]
    return dict(prior) if prior is not None and same(made, prior) else made


def replacing(kind: Kind, block: Block, values: Values, prior: Values) -> list[str]:
    """The arguments of which the new value makes another resource."""
    settable = {
        name for name, attribute in block.attributes.items() if attribute.optional or attribute.required
    }
    return sorted(
        name
        for name in (*settable, *block.blocks)
        if kind.replaces(name) and name != "id" and not same(values[name], prior[name])
    )


def same(one: Any, other: Any) -> bool:
    """Whether the SDK takes two values for the same."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return all(same(one.get(key), other.get(key)) for key in {*one, *other})
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if one is UNKNOWN or other is UNKNOWN:
        return one is other
    return one == other or (not one and not other)


class _Plan:
    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def block(self, block: Block, config: Values, prior: Values | None, prefix: str) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, attribute in block.attributes.items():
            old = prior.get(name) if prior is not None else None
            made[name] = self._argument(prefix + name, attribute, config.get(name), old, new=prior is None)
        for name, (nesting, inner) in block.blocks.items():
            given, old = config.get(name), (prior or {}).get(name)
            path = f"{prefix}{name}."
            if given is UNKNOWN or given is None:
                made[name] = given
            elif nesting == "struct":
                made[name] = self.block(inner, given, old, path)
            else:
                before = [*(old or ())][: len(given)]
                before += [None] * (len(given) - len(before))
                made[name] = [self.block(inner, *pair, path) for pair in zip(given, before, strict=True)]
        return made

    def _argument(self, path: str, attribute: Attribute, given: Any, old: Any, *, new: bool) -> Any:
        if attribute.write_only:
            return None
        if given is None and attribute.computed:
            return UNKNOWN if new else old
        if isinstance(given, Mapping) and attribute.type != "dynamic":
            return self._map(path, attribute, given, old)
        if path in self._kind.json and _json(given) == _json(old) and old is not None:
            return old
        if attribute.computed and given == "" and not new:
            return old
        return old if old is not None and same(given, old) else given

    def _map(self, path: str, attribute: Attribute, given: Values, old: Values | None) -> Any:
        if has_unknown(given):
            # All keys count as removed. Their number counts as unknown, unless the provider ignores it.
            return UNKNOWN if path not in self._kind.suppresses_size or old is None else {}
        if not attribute.computed:
            return old if old is not None and same(given, old) else given
        before = old or {}
        return {key: value or before.get(key, "") for key, value in given.items()}


def _json(text: Any) -> Any:
    return json.loads(text) if isinstance(text, str) and text else text
