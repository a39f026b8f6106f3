"""The JSON Schema of twin.yaml for editors: `python -m twinspan.config.schema [file]` prints or writes it."""

import json
import sys
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from twinspan.config.extending import EXTENDS
from twinspan.config.root import Config

_LITERAL = ("items", "default", "examples", "enum", "const", "description")
_BASE = {
    "description": "File that this one extends, in the folder of this file or below. Mappings merge; lists "
    "and values of this file replace the base's.",
    "examples": ["factory.yaml"],
    "minLength": 1,
    "type": "string",
}
_EXAMPLE = {
    "twin": "factory",
    "layers": {"acquisition": "aws", "processing": "aws", "hot_storage": "aws"},
    "clouds": {"aws": {"region": "eu-central-1", "account_id": "123456789012"}},
    "device_types": {"thermostat": {"telemetry": {"temperature": {"type": "number", "unit": "Cel"}}}},
    "devices": [{"id": "thermostat-1", "type": "thermostat"}],
}


class _Schema(GenerateJsonSchema):
    """A field is left out, never null: so the schema knows no null."""

    def nullable_schema(self, schema: Any) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: Any) -> dict[str, Any]:
        if schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def schema() -> dict[str, Any]:
    """The schema, draft 2020-12. The loader checks more: names across the file, other files, regions."""
    whole = _strict(Config.model_json_schema(by_alias=True, schema_generator=_Schema))
    defs = whole.pop("$defs")
    defs["Twin"] = whole
    extending = _part(defs, whole)
    extending["properties"] = {EXTENDS: _BASE, **extending["properties"]}
    defs["Extending"] = extending
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": defs,
        "title": "twin.yaml",
        "description": "One digital twin, as Twinspan builds it.",
        "examples": [_EXAMPLE],
        "if": {"required": [EXTENDS]},
        "then": {"$ref": "#/$defs/Extending"},
        "else": {"$ref": "#/$defs/Twin"},
    }


def _part(defs: dict[str, Any], node: Any) -> Any:
    """A schema of what may stand in a file that extends another: a mapping may lack what the base has.

    The parts of the mappings that it refers to are added to `defs`. A list replaces the base's as a whole.
    """
    if isinstance(node, list):
        return [_part(defs, item) for item in node]
    if not isinstance(node, dict):
        return node
    made: dict[str, Any] = {}
    for key, item in node.items():
        if key == "$ref":
            name = item.rsplit("/", 1)[-1]
            if f"{name}Part" not in defs:
                defs[f"{name}Part"] = {}
                defs[f"{name}Part"] = _part(defs, defs[name])
            made[key] = f"{item}Part"
        elif key in _LITERAL:
            made[key] = item
        elif key == "oneOf":  # variants may differ in required fields alone
            made["anyOf"] = _part(defs, item)
        elif key not in ("required", "minProperties"):
            made[key] = _part(defs, item)
    return made


def _strict(node: Any) -> Any:
    """Without nulls (in defaults), and with no names but those that the patterns of names allow."""
    if isinstance(node, list):
        return [_strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    closed = {"additionalProperties": False} if "patternProperties" in node else {}
    return {key: _strict(item) for key, item in node.items() if item is not None} | closed


def text() -> str:
    """The schema as the published file has it."""
    return json.dumps(schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(text(), encoding="utf-8")
    else:
        sys.stdout.write(text())
