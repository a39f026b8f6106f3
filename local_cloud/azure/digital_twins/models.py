"""Models: interfaces of DTDL version 3, as far as properties, relationships and inheritance go.

The rules are those of the DTDL v3 language description, parts Interface, Property, Relationship and Digital
Twin Model Identifier. Tests hold them against Microsoft's own parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local_cloud.azure.digital_twins.errors import Refusal
from local_cloud.azure.digital_twins.schemas import SCHEMAS

CONTEXT = "dtmi:dtdl:context;3"
MOST_AT_A_TIME = 250
LONGEST_ID = 128
_SEGMENT = r"[A-Za-z](?:[A-Za-z0-9_]*[A-Za-z0-9])?"
_ID = re.compile(rf"dtmi:{_SEGMENT}(?::{_SEGMENT})*;[1-9][0-9]{{0,8}}(?:\.[1-9][0-9]{{0,5}})?")
_NAME = re.compile(_SEGMENT)
_LONGEST = {"name": 64, "displayName": 64, "description": 512, "comment": 512}
_INTERFACE = {"@context", "@id", "@type", "displayName", "description", "comment", "extends", "contents"}
_CONTENT = {
    "Property": {"@type", "name", "displayName", "description", "comment", "schema"},
    "Relationship": {"@type", "name", "displayName", "description", "comment"},
}
_DEEPEST = 10


@dataclass
class Model:
    definition: Mapping[str, Any]
    decommissioned: bool = False

    @property
    def id(self) -> str:
        return self.definition["@id"]

    @property
    def extends(self) -> Sequence[str]:
        named = self.definition.get("extends", ())
        return (named,) if isinstance(named, str) else tuple(named)


@dataclass
class Models:
    """All that are uploaded, by id."""

    known: dict[str, Model] = field(default_factory=dict[str, Model])

    def add(self, definitions: Any) -> Sequence[Model]:
        """All or none."""
        if not isinstance(definitions, list) or not definitions:
            raise Refusal(400, "DTDLParserError", "A list of at least one model is needed.")
        if len(definitions) > MOST_AT_A_TIME:
            raise Refusal(400, "LimitExceeded", f"At most {MOST_AT_A_TIME} models may be added at a time.")
        added = {}
        for definition in definitions:
            for problem in problems(definition):
                raise Refusal(400, "DTDLParserError", problem)
            id_ = definition["@id"]
            if id_ in self.known or id_ in added:
                raise Refusal(409, "ModelAlreadyExists", f"{id_} is already there.")
            added[id_] = Model(definition)
        together = Models({**self.known, **added})
        for id_ in added:
            together.check_inheritance(id_)
        self.known.update(added)
        return list(added.values())

    def get(self, id_: str) -> Model:
        if not _ID.fullmatch(id_):
            raise Refusal(400, "InvalidArgument", f"{id_!r} is not the id of a model.")
        if id_ not in self.known:
            raise Refusal(404, "ModelNotFound", f"{id_} is not there.")
        return self.known[id_]

    def delete(self, id_: str) -> None:
        self.get(id_)
        users = [model.id for model in self.known.values() if id_ in model.extends]
        if users:
            raise Refusal(409, "ModelReferencesNotDeleted", f"{users[0]} extends {id_}.")
        del self.known[id_]

    def lineage(self, id_: str) -> Iterator[Model]:
        """The model and all that it extends."""
        model = self.known[id_]
        yield model
        for each in model.extends:
            yield from self.lineage(each)

    def contents(self, id_: str) -> dict[str, Mapping[str, Any]]:
        """By name, its own and those that it inherits."""
        return {
            content["name"]: content
            for model in self.lineage(id_)
            for content in model.definition.get("contents", ())
        }

    def check_inheritance(self, id_: str, depth: int = 0) -> None:
        model = self.known[id_]
        if depth > _DEEPEST:
            raise Refusal(400, "DTDLParserError", f"{id_} is extended more than {_DEEPEST} levels deep.")
        for each in model.extends:
            if each not in self.known:
                raise Refusal(400, "DTDLParserError", f"{id_} extends {each}, which is not there.")
            self.check_inheritance(each, depth + 1)
        names = [c["name"] for each in self.lineage(id_) for c in each.definition.get("contents", ())]
        if len(names) != len(set(names)):
            raise Refusal(400, "DTDLParserError", f"{id_} has two contents of a name, own or inherited.")


def problems(definition: Any) -> Iterator[str]:
    """What is wrong with an interface by itself."""
    if not isinstance(definition, dict):
        yield "A model is a JSON object."
        return
    id_ = definition.get("@id")
    if not isinstance(id_, str) or not _ID.fullmatch(id_) or len(id_) > LONGEST_ID:
        yield f"{id_!r} is not the id of an interface."
    if definition.get("@context") != CONTEXT:
        yield f"{id_} is not of the context {CONTEXT}."
    if definition.get("@type") != "Interface":
        yield f"{id_} is no Interface."
    yield from _unknown(id_, definition, _INTERFACE)
    yield from _texts(id_, definition)
    contents = definition.get("contents", [])
    if not isinstance(contents, list):
        yield f"{id_} has contents that are no list."
        return
    for content in contents:
        yield from _content(id_, content)
    names = [content.get("name") for content in contents if isinstance(content, dict)]
    if len(names) != len(set(names)):
        yield f"{id_} has two contents of a name."


def _content(id_: Any, content: Any) -> Iterator[str]:
    kind = content.get("@type") if isinstance(content, dict) else None
    if kind not in _CONTENT:
        yield f"{id_} has contents that are neither Property nor Relationship."
        return
    name = content.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield f"{id_} has contents with the name {name!r}."
    if kind == "Property" and content.get("schema") not in SCHEMAS:
        yield f"{id_} has the property {name} of the schema {content.get('schema')!r}."
    yield from _unknown(f"{id_}, {name}", content, _CONTENT[kind])
    yield from _texts(f"{id_}, {name}", content)


def _unknown(what: Any, element: Mapping[str, Any], known: set[str]) -> Iterator[str]:
    for key in sorted(element.keys() - known):
        yield f"{what}: {key} is not known here."


def _texts(what: Any, element: Mapping[str, Any]) -> Iterator[str]:
    for key, longest in _LONGEST.items():
        text = element.get(key, "")
        if not isinstance(text, str) or len(text) > longest:
            yield f"{what}: {key} is a text of at most {longest} characters."
