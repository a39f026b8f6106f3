"""No text of twin.yaml, and of the files that it names, is evaluated by Terraform."""

import copy
import json
import shutil
from collections.abc import Iterator
from itertools import product
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from support.layouts import CLOUDS, EXAMPLES
from support.synth import stacks_of
from support.terraform import real_terraform
from twin_runtime.roles import Cloud
from twinspan.config import Client, Config, ConfigErrors, Former
from twinspan.config.base import Entry
from twinspan.terraform.resources import literal
from twinspan.terraform.stackjson import interpolations
from twinspan.twinfile import checked

Location = tuple[str | int, ...]
WRITTEN_AS_TEXT = (str, PurePosixPath, Former, Client)
HOSTILE = ('${file("/etc/passwd")}', "%{ if true }x%{ endif }", '"} ${1 + 1} "', "$${x} %%{y} \\", "a\n${b}")
BACKENDS: tuple[dict[str, Any], ...] = (
    {"type": "local", "path": "{twin}.{stack}.tfstate"},
    {
        **{"type": "s3", "bucket": "b", "region": "r", "key": "{twin}/{stack}", "dynamodb_table": "t"},
        **{"kms_key_id": "k", "acl": "private", "profile": "p", "workspace_key_prefix": "w"},
    },
    {
        **{"type": "azurerm", "storage_account_name": "s", "container_name": "c", "key": "{twin}/{stack}"},
        **{"resource_group_name": "g", "subscription_id": "s", "tenant_id": "t", "client_id": "c"},
        "environment": "public",
    },
    {
        **{"type": "gcs", "bucket": "b", "prefix": "{twin}/{stack}"},
        **{"impersonate_service_account": "a", "kms_encryption_key": "k"},
    },
    {"type": "remote", "organization": "o", "hostname": "h", "workspaces": {"name": "{twin}-{stack}"}},
)
WORKFLOWS = {
    Cloud.AWS: lambda text: {
        "StartAt": text,
        "States": {text: {"Type": "Pass", "Comment": text, "Result": {text: text}, "End": True}},
    },
    Cloud.AZURE: lambda text: {
        "parameters": {f"p{text}": {"type": "string", "defaultValue": text}},
        "triggers": {text: {"type": "Request", "inputs": {"schema": {"title": text}}}},
        "actions": {
            text: {"type": "Compose", "inputs": {text: text}},
            f"after {text}": {"type": "Compose", "inputs": text, "runAfter": {text: ["Succeeded"]}},
        },
    },
    Cloud.GCP: lambda text: {"main": {"steps": [{"keep": {"assign": [{"x": {text: text}}]}}]}},
}


def document(backend: dict[str, Any], cloud: Cloud = Cloud.AWS) -> dict[str, Any]:
    """A twin.yaml that gives every field that can hold text."""
    layers = ("acquisition", "processing", "hot_storage", "twin_management", "visualization")
    return {
        "twin": "factory",
        "layers": {**dict.fromkeys((*layers, "cold_storage", "archive_storage"), str(cloud))},
        "clouds": {
            **CLOUDS,
            "aws": {**CLOUDS["aws"], "account_id": "123456789012"},
            "azure": {**CLOUDS["azure"], "operators": ["00000000-0000-0000-0000-000000000001"]},
        },
        "device_types": {
            "thermostat": {
                "telemetry": {"mode": {"type": "string", "unit": "Cel"}},
                "commands": {"say": {"type": "string", "unit": "Cel"}},
                "processor": "processors/thermostat.py",
                "requirements": "processors/requirements.txt",
                "clock": {"ahead": "1m", "behind": "7d", "outside": "refuse"},
            }
        },
        "devices": [{"id": "thermostat-1", "type": "thermostat"}],
        "model": {
            "types": {"hall": {"properties": {"label": {"type": "string", "unit": "m"}}}},
            "entities": [{"id": "hall-1", "type": "hall", "name": "Hall 1", "properties": {"label": "x"}}],
            "relationships": [{"from": "hall-1", "name": "contains", "to": "thermostat-1"}],
        },
        "events": {
            "enabled": True,
            "workflow": "own.json",
            "rules": [
                {
                    "name": "by_type",
                    "device_type": "thermostat",
                    "when": {
                        "any": [{"metric": "mode", "equals": "a"}, {"metric": "mode", "not_equals": "b"}]
                    },
                    **{"for": "30s", "cooldown": "10m", "repeat": "1h", "max_age": "20m"},
                    "then": {
                        "feedback": {"command": "say", "value": "c", "expires_in": "2m"},
                        "workflow": True,
                    },
                },
                {
                    "name": "by_device",
                    "device": "thermostat-1",
                    "when": {"metric": "mode", "equals": "a"},
                    "then": {"workflow": True},
                },
            ],
        },
        "alerts": {"email": "ops@example.com"},
        "read_api": {"clients": [{"name": "erp"}]},
        "former": [f"hot_storage@{next(each for each in Cloud if each is not cloud)}"],
        "tags": {"cost-center": "4711"},
        "backend": backend,
    }


def texts(value: Any, path: Location = ()) -> Iterator[tuple[Location, bool]]:
    """Where a document holds text, and whether it is a key."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*path, key), True
            yield from texts(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from texts(item, (*path, number))
    elif isinstance(value, str):
        yield path, False


def put(value: dict[str, Any], path: Location, text: str, *, key: bool) -> dict[str, Any]:
    """A copy of a document with `text` at a place."""
    made: Any = copy.deepcopy(value)
    holder = made
    for part in path[:-1]:
        holder = holder[part]
    holder[text if key else path[-1]] = holder.pop(path[-1]) if key else text
    return made


class Folder:
    """Loads a document as a twin.yaml beside its processors and its workflow."""

    def __init__(self, path: Path, cloud: Cloud = Cloud.AWS) -> None:
        self._path = path
        shutil.copytree(EXAMPLES / "processors", path / "processors")
        (path / "processors" / "requirements.txt").write_text("# none\n", encoding="utf-8")
        self.workflow(cloud, "plain")

    def workflow(self, cloud: Cloud, text: str) -> None:
        (self._path / "own.json").write_text(json.dumps(WORKFLOWS[cloud](text)), encoding="utf-8")

    def load(self, data: dict[str, Any]) -> Config:
        file = self._path / "twin.yaml"
        file.write_text(json.dumps(data), encoding="utf-8")
        return checked(file)

    def accepts(self, data: dict[str, Any]) -> bool:
        try:
            self.load(data)
        except ConfigErrors:
            return False
        return True


def evaluated(stacks: dict[str, Any]) -> set[str]:
    """Every expression, and every string with a directive, in keys and values."""

    def within(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for key, item in value.items():
                yield from within(key)
                yield from within(item)
        elif isinstance(value, list):
            for item in value:
                yield from within(item)
        elif isinstance(value, str):
            yield from interpolations(value)
            if "%{" in value.replace("%%{", ""):
                yield value

    return set(within(stacks))


def test_the_document_gives_every_field_that_can_hold_text(tmp_path: Path) -> None:
    def given(value: Any) -> Iterator[tuple[str, str]]:
        if isinstance(value, Entry):
            for name in value.model_fields_set:  # a default is not given: no hostile text takes its place
                item = getattr(value, name)
                held = (item, *item) if isinstance(item, list | tuple) else (item,)
                if any(isinstance(each, WRITTEN_AS_TEXT) for each in held):
                    yield type(value).__name__, name
                yield from given(item)
        elif isinstance(value, list | tuple):
            for item in value:
                yield from given(item)
        elif hasattr(value, "values"):
            for item in value.values():
                yield from given(item)

    def classes(of: type[Entry]) -> Iterator[type[Entry]]:
        for each in of.__subclasses__():
            yield each
            yield from classes(each)

    wanted = set()
    for each in classes(Entry):
        for name, rule in each.model_json_schema(by_alias=False).get("properties", {}).items():
            own = {
                key: rule[key] for key in ("type", "anyOf", "items") if key in rule and "const" not in rule
            }
            if '"string"' in json.dumps(own):
                wanted.add((each.__name__, name))
    folder = Folder(tmp_path)
    found = {pair for backend in BACKENDS for pair in given(folder.load(document(backend)))}
    assert wanted <= found, "give these in `document`: " + str(sorted(wanted - found))


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda backend: backend["type"])
@pytest.mark.parametrize("text", HOSTILE)
def test_no_backend_takes_an_expression(backend: dict[str, Any], text: str, tmp_path: Path) -> None:
    """Terraform reads `$${` in a backend block as it is, and in a remote state as `${`."""
    folder, whole = Folder(tmp_path), document(backend)
    assert folder.accepts(whole)
    places = [path for path, key in texts(whole) if path[0] == "backend" and not key]
    assert len(places) >= 2
    for path in places:
        assert not folder.accepts(put(whole, path, f"{text}{{twin}}{{stack}}", key=False)), path


@pytest.mark.matrix
@pytest.mark.parametrize("cloud", Cloud)
def test_texts_stay_texts(cloud: Cloud, tmp_path: Path) -> None:
    folder, whole = Folder(tmp_path, cloud), document(BACKENDS[0], cloud)
    before = evaluated(stacks_of(folder.load(whole)))
    for text in HOSTILE:
        hostile, places = whole, []
        for path, key in texts(whole):
            if folder.accepts(changed := put(hostile, path, text, key=key)):
                hostile = changed
                places.append(path)
        assert len(places) >= 5, places
        assert evaluated(stacks_of(folder.load(hostile))) == before, (text, places)


@pytest.mark.matrix
@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("cloud", Cloud)
def test_workflows_of_ones_own_stay_texts(cloud: Cloud, text: str, tmp_path: Path) -> None:
    folder, data = Folder(tmp_path, cloud), document(BACKENDS[0], cloud)
    before = evaluated(stacks_of(folder.load(data)))
    folder.workflow(cloud, text)
    assert evaluated(stacks_of(folder.load(data))) == before


@pytest.mark.terraform
def test_terraform_reads_a_literal_back(tmp_path: Path) -> None:
    words = ["".join(each) for length in range(1, 5) for each in product("$%{a", repeat=length)]
    words += [*HOSTILE, "}", "é\u2028\u0001", "\\", '"']
    stack = {"output": {"words": {"value": [literal(word) for word in words]}}}
    (tmp_path / "main.tf.json").write_text(json.dumps(stack), encoding="utf-8")
    (tmp_path / "data").write_text(str(tmp_path / ".terraform"))
    terraform = real_terraform()
    terraform.run(tmp_path, "init", "-input=false")
    terraform.run(tmp_path, "apply", "-input=false", "-auto-approve")
    assert json.loads(terraform.run(tmp_path, "output", "-json", "words")) == words
