"""Stacks as JSON, synthesized in this process, once per session: all tests share one jsii kernel."""

import json
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from stacks import build as synthesis
from support.layouts import Layout, twin_config
from support.terraform_json import Resource, resources
from twin_runtime.roles import Cloud, Role
from twinspan.config import Config

Stack = dict[str, Any]
FUNCTIONS = {
    Cloud.AWS: "aws_lambda_function",
    Cloud.AZURE: "azurerm_function_app_flex_consumption",
    Cloud.GCP: "google_cloudfunctions2_function",
}


def stacks_of(config: Config) -> dict[str, Stack]:
    """Every stack of a twin, by name."""
    with tempfile.TemporaryDirectory() as folder:
        synthesis.synthesize(config, Path(folder))
        return {
            path.parent.name: json.loads(path.read_text(encoding="utf-8"))
            for path in sorted(Path(folder).glob("stacks/*/cdk.tf.json"))
        }


_shared: list[Path] = []
"""The folder in which the processes of a session share what they have synthesized, once they have one."""


def share(folder: Path) -> None:
    """Keep stacks in a folder of this session, for other processes."""
    folder.mkdir(exist_ok=True)
    _shared[:] = [folder]


@cache
def stacks(
    layout: Layout, *, events: bool = True, read_api: bool = True, protect: bool = True
) -> dict[str, Stack]:
    """The stacks of a layout, synthesized once per session. Not to be changed by a test."""
    kept = [folder / f"{layout}-{events:d}{read_api:d}{protect:d}.json" for folder in _shared]
    for file in kept:
        if file.exists():
            return json.loads(file.read_bytes())
    made = stacks_of(twin_config(layout, events=events, read_api=read_api, protect=protect))
    for file in kept:
        new = file.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(made), encoding="utf-8")
        new.replace(file)
    return made


def functions(stack: Stack, cloud: Cloud) -> dict[Role, Resource]:
    """The deployed functions, by the role in their tags."""
    found = resources(stack, FUNCTIONS[cloud])
    by_role = {Role((block.labels or {})["role"]): block for block in found}
    assert len(by_role) == len(found)
    return by_role
