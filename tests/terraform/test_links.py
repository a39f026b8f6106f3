"""The stack `links` after the stacks that it reads were given another layout, by real Terraform."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from local_cloud import shared, standins, terraform
from local_cloud.errors import MissingProgram
from local_cloud.terraform import Workspace
from support.layouts import Layout
from support.servers import missing
from support.synth import stacks
from twin_runtime.roles import Cloud

pytestmark = pytest.mark.terraform
AWS, AZURE, GCP = Cloud
BEFORE = Layout(AWS, AZURE, GCP, AWS, AZURE, l4=GCP, l5=AZURE)
_READ = re.compile(r"data\.terraform_remote_state\.(\w+)\.outputs\.(\w+)")


@pytest.fixture(autouse=True)
def _terraform() -> None:
    try:
        terraform.binary()
    except MissingProgram as error:
        missing(str(error))


def write_outputs(folder: Path, outputs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """States of the clouds' stacks with these outputs, and the data sources that read them."""
    sources = {}
    for cloud, values in outputs.items():
        path = folder / f"{cloud}.tfstate"
        said = {
            name: {"value": value, "type": "string" if isinstance(value, str) else ["map", "string"]}
            for name, value in values.items()
        }
        state = {"version": 4, "serial": 1, "lineage": cloud, "resources": [], "outputs": said}
        path.write_text(json.dumps(state), "utf-8")
        sources[cloud] = {"backend": "local", "config": {"path": str(path)}}
    return {"terraform_remote_state": sources}


def test_links_that_are_gone_from_the_outputs_can_be_destroyed(tmp_path: Path) -> None:
    links = stacks(BEFORE)["links"]
    seed = shared.computed("seed")

    def computed(kind: str, name: str, body: standins.Body) -> Any:
        made = seed(kind, name, body)
        return {"resource_versionless_id": f"/{name}", **made} if kind == "azurerm_key_vault_secret" else made

    made = standins.rewrite(links, computed)
    del made["terraform"]["backend"]
    outputs: dict[str, dict[str, Any]] = {}
    for cloud, name in _READ.findall(json.dumps(links)):
        outputs.setdefault(cloud, {})[name] = (
            {"reader": name} if name.endswith("_reader_principal_ids") else name
        )
    made["data"] = write_outputs(tmp_path, outputs)
    workspace = Workspace(tmp_path / "links")
    workspace.write(made)
    found = standins.evaluated(workspace.apply({}))
    for version in found.of("google_secret_manager_secret_version").values():
        assert version["secret"].startswith("link_")
    assert found.of("azurerm_role_assignment")

    write_outputs(tmp_path, {cloud: {} for cloud in outputs})
    workspace.run("destroy", "-input=false", "-auto-approve")
    left = json.loads((workspace.folder / "terraform.tfstate").read_text("utf-8"))
    assert left["resources"] == []
