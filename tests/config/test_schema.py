"""The published JSON Schema is current, and agrees with the loader."""

import ast
import sys
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.config.conftest import FULL, put
from twinspan.config import load
from twinspan.config import schema as module

ROOT = Path(__file__).parents[2]
VALIDATOR = Draft202012Validator(module.schema())


def test_the_published_file_is_current():
    command = "PYTHONPATH=constructs:function_src python -m twinspan.config.schema docs/twin.schema.json"
    assert (ROOT / "docs" / "twin.schema.json").read_text(encoding="utf-8") == module.text(), command


def test_it_is_a_schema():
    Draft202012Validator.check_schema(module.schema())
    assert module.text() == module.text()


def test_the_full_example_is_valid():
    VALIDATOR.validate(yaml.safe_load(FULL))


def test_its_own_examples_are_valid(tmp_path):
    for example in module.schema()["examples"]:
        VALIDATOR.validate(example)
        (tmp_path / "twin.yaml").write_text(yaml.safe_dump(example))
        load(tmp_path / "twin.yaml")


def test_examples_of_fields_are_valid():
    made = module.schema()
    checked = 0
    owners = [made, *made["$defs"].values()]
    for field in (field for owner in owners for field in owner.get("properties", {}).values()):
        for example in field.get("examples", []):
            Draft202012Validator({**field, "$defs": made["$defs"]}).validate(example)
            checked += 1
    assert checked > 20


def test_every_field_is_described():
    made = module.schema()
    for name, owner in [("twin.yaml", made), *made["$defs"].items()]:
        for field, schema in owner.get("properties", {}).items():
            target = made["$defs"].get(schema.get("$ref", "").rsplit("/", 1)[-1], {})
            assert "description" in schema or "description" in target, (name, field)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("twin", "F"),
        ("twin", None),
        ("devicez", 1),
        ("layers.processing", "azur"),
        ("layers.cold_storage", "moon"),
        ("device_types", {}),
        ("device_types.a b", {"telemetry": {"t": {"type": "number"}}}),
        ("device_types.thermostat.telemetry.mode.type", "text"),
        ("devices.0.id", "a b"),
        ("events.rules.0.when", {"metric": "temperature", "above": 1, "below": 2}),
        ("events.rules.0.when", {"all": []}),
        ("events.rules.0.device", "thermostat-1"),
        ("retention.hot_days", 0),
        ("backend", {}),
        ("backend", {"type": "s3"}),
        ("clouds.gcp.project", "X"),
        ("clouds.aws.account_id", ...),
        ("keys.generation", 0),
        ("read_api", {"clients": ["E R P"]}),
        ("read_api", {"clients": [{"name": "erp", "generation": 0}]}),
        ("read_api", {"clients": []}),
        ("read_api", "on"),
        ("protect", {"hot": True}),
        ("former", ["processing@aws"]),
        ("tags", {"Cost": "x"}),
        ("tags", {"cost": "X Y"}),
        ("devices.0.key", 0),
    ],
)
def test_it_refuses_what_the_loader_refuses(changed, where, value):
    data = yaml.safe_load(FULL)
    put(data, where, value)
    assert not VALIDATOR.is_valid(data)
    assert changed(where, value)


def test_the_configuration_as_written_is_valid(twin):
    VALIDATOR.validate(load(twin).as_written())


def test_the_examples_of_the_repository_are_valid():
    for path in sorted((ROOT / "examples").glob("*.yaml")):
        VALIDATOR.validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def test_the_configuration_needs_no_cdktf():
    for path in (ROOT / "constructs" / "twinspan" / "config").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            known = {"twinspan", "twin_runtime", "pydantic", "yaml", "packaging", *sys.stdlib_module_names}
            assert {name.split(".")[0] for name in names} <= known, path
