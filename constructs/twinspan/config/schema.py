"""The JSON Schema of twin.yaml for editors: `python -m twinspan.config.schema [file]` prints or writes it."""

import json
import sys
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from twinspan.config.root import Config

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
    made = _strict(Config.model_json_schema(by_alias=True, schema_generator=_Schema))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **made,
        "title": "twin.yaml",
        "description": "One digital twin, as Twinspan builds it.",
        "examples": [_EXAMPLE],
    }


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
