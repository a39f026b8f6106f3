"""Documents of Azure Digital Twins: of twins, and of relationships."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Any

from twin_runtime.errors import Refused
from twin_runtime.ports import Relationship

METADATA = "$metadata"

Json = dict[str, Any]


def difference(there: Json, wanted: Json) -> list[Json]:
    """The JSON Patch from one document to the other."""
    model, contents = model_of(wanted), _contents(there)
    patch: list[Json] = []
    if model_of(there) != model:
        patch.append({"op": "replace", "path": "/$metadata/$model", "value": model})
    patch += [{"op": "remove", "path": f"/{name}"} for name in contents if name not in wanted]
    patch += [
        add(name, value)
        for name, value in _contents(wanted).items()
        if name not in contents or not _same(contents[name], value)
    ]
    return patch


def add(name: str, value: Any) -> Json:
    """Also replaces what is there."""
    return {"op": "add", "path": f"/{name}", "value": value}


def model_of(document: Json) -> str:
    """The id of a twin's model; empty in a document without one."""
    return str(document.get(METADATA, {}).get("$model", ""))


def of_model(model: str) -> Json:
    """The part of a twin's document that says what it is made of."""
    return {METADATA: {"$model": model}}


def edge_id(name: str, target: str) -> str:
    """The id of a relationship, by which those that leave a twin are told apart."""
    return f"{name}-{sha256(target.encode()).hexdigest()[:32]}"


def edge(id: str, document: Json) -> Relationship | None:
    """The edge; None for what is not of ours. One that arrives has no `$targetId`."""
    target = document.get("$targetId", id)
    name, _, _ = document["$relationshipId"].partition("-")
    ours = document["$relationshipId"] == edge_id(name, target)
    return Relationship(document.get("$sourceId", id), name, target) if ours else None


def cursor(skip: int, query: str) -> str:
    """Where to go on: at which item of the page that the service gives for a query."""
    return urlsafe_b64encode(json.dumps([skip, query]).encode("ascii")).decode("ascii")


def place(cursor: str | None) -> tuple[int, str]:
    """What is in a cursor; raises `Refused`."""
    if cursor is None:
        return 0, ""
    try:
        skip, query = json.loads(urlsafe_b64decode(cursor.encode("ascii")))
        if isinstance(skip, int) and skip >= 0 and isinstance(query, str):
            return skip, query
    except (ValueError, TypeError, RecursionError):
        pass
    raise Refused("The cursor is not one of this graph.")


def _same(one: Any, other: Any) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _contents(document: Json) -> Json:
    return {name: value for name, value in document.items() if not name.startswith("$")}
