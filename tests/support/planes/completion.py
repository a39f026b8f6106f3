"""What a provider computes of a resource that it made: every attribute that is not known before."""

import uuid
from collections.abc import Mapping
from typing import Any

from support.planes.kinds import Values, kind_of, text
from support.planes.schema import Attribute, Block
from support.planes.wire import UNKNOWN


def complete(type_: str, values: Values, block: Block, known: dict[str, Any]) -> dict[str, Any]:
    """The values with all that was not known. `known` is what the templates of the kind can name."""
    kind = kind_of(type_)
    made = _filled(values, block, "", kind.made, known)
    if isinstance(made.get("response_export_values"), list):
        made["output"] = _exported(made["response_export_values"])
    if values.get("id") in (None, UNKNOWN):
        made["id"] = text(kind.made.get("id", kind.id), {**known, **made}) or f"{type_}-{known['serial']}"
    return made


def _filled(
    values: Values, block: Block, prefix: str, templates: Mapping[str, str], known: dict[str, Any]
) -> dict[str, Any]:
    made = dict(values)
    for name, attribute in block.attributes.items():
        value = values.get(name)
        if value is UNKNOWN or (value is None and attribute.computed):
            made[name] = _computed(prefix + name, attribute, templates, known)
            if not prefix:
                known[name] = made[name]
    for name, (nesting, inner) in block.blocks.items():
        value = values.get(name)
        if nesting == "struct":
            made[name] = value and _filled(value, inner, f"{prefix}{name}.", templates, known)
        else:
            made[name] = [_filled(item, inner, f"{prefix}{name}.", templates, known) for item in value or ()]
    return made


def _computed(path: str, attribute: Attribute, templates: Mapping[str, str], known: dict[str, Any]) -> Any:
    leaf = path.rpartition(".")[2]
    if template := templates.get(path):
        value = text(template, known)
        return int(value) if attribute.type == "number" else value
    if not isinstance(attribute.type, str):
        return {} if attribute.type[0] in ("map", "object") else []
    if attribute.type == "string":
        identifies = leaf == "name" or leaf.endswith("_id")
        return (
            str(uuid.uuid5(uuid.NAMESPACE_OID, path + known["serial"]))
            if identifies
            else f"{leaf}-{known['serial']}"
        )
    return {"number": 1, "bool": False}.get(attribute.type)


def _exported(paths: list[str]) -> dict[str, Any]:
    """Azure's answer, with a text at each path that the configuration wants."""
    answer: dict[str, Any] = {}
    for path in paths:
        *outer, last = path.split(".")
        inner = answer
        for part in outer:
            inner = inner.setdefault(part, {})
        inner[last] = f"https://{last}.example"
    return answer
