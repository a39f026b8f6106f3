"""Values between Terraform's wire format (MessagePack) and Python: objects and maps are dicts, null is None.

What is not known before apply is `UNKNOWN`. A value whose type is decided by the configuration (`dynamic`)
comes as the value alone; on the way back its type is told from the value.
"""

import json
from collections.abc import Mapping
from typing import Any

import msgpack

from support.planes.protocol import Message, message
from support.planes.schema import Type


class _Unknown:
    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()
_EXTENSION = msgpack.ExtType(0, b"\0")


def decode(value: Message, type_: Type) -> Any:
    """The value of a DynamicValue, which is null when it is empty."""
    if value.json:
        return json.loads(value.json)
    if not value.msgpack:
        return None
    return _plain(msgpack.unpackb(value.msgpack, ext_hook=lambda *_: UNKNOWN, strict_map_key=False), type_)


def encode(value: Any, type_: Type) -> Message:
    """A DynamicValue."""
    return message("DynamicValue", msgpack=msgpack.packb(_packable(value, type_)))


def has_unknown(value: Any) -> bool:
    """Whether any part of the value is not known yet."""
    if isinstance(value, Mapping):
        return any(map(has_unknown, value.values()))
    return any(map(has_unknown, value)) if isinstance(value, list) else value is UNKNOWN


def _plain(value: Any, type_: Type) -> Any:
    """The value without the types that come with dynamic ones."""
    if value is None or value is UNKNOWN or isinstance(type_, str):
        if type_ == "dynamic" and isinstance(value, list):
            return _plain(value[1], json.loads(value[0]))
        return value
    kind, inner = type_
    if kind == "object":
        return {key: _plain(value.get(key), part) for key, part in inner.items()}
    if kind == "map":
        return {key: _plain(part, inner) for key, part in value.items()}
    parts = inner if kind == "tuple" else [inner] * len(value)
    return [_plain(part, of) for part, of in zip(value, parts, strict=True)]


def _packable(value: Any, type_: Type) -> Any:
    if value is UNKNOWN:
        return _EXTENSION
    if type_ == "dynamic" and value is not None:
        own = _type_of(value)
        return [json.dumps(own).encode(), _packable(value, own)]
    if value is None or isinstance(type_, str):
        return value
    kind, inner = type_
    if kind == "object":
        return {key: _packable(value.get(key), part) for key, part in inner.items()}
    if kind == "map":
        return {key: _packable(part, inner) for key, part in value.items()}
    parts = inner if kind == "tuple" else [inner] * len(value)
    return [_packable(part, of) for part, of in zip(value, parts, strict=True)]


def _type_of(value: Any) -> Type:
    if isinstance(value, Mapping):
        return ["object", {key: _type_of(part) for key, part in value.items()}]
    if isinstance(value, list):
        return ["tuple", [_type_of(part) for part in value]]
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    return "string" if isinstance(value, str) else "dynamic"
