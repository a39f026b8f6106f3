"""The order that `cdktf deploy` keeps: clouds side by side, then links."""

import json
from pathlib import Path

import pytest

from stacks import build as synthesis
from support.layouts import Layout, twin_config
from twin_runtime.roles import Cloud


def test_links_waits_for_its_clouds_and_no_cloud_for_another(tmp_path: Path) -> None:
    """Also in a cycle, where each cloud needs the other's address."""
    synthesis.synthesize(twin_config(Layout(Cloud.AWS, Cloud.AZURE, Cloud.AWS)), tmp_path)
    stacks = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))["stacks"]
    assert {name: stack["dependencies"] for name, stack in stacks.items()} == {
        "aws": [],
        "azure": [],
        "links": ["aws", "azure"],
    }


@pytest.mark.matrix
def test_every_backend_keeps_the_stacks_apart_and_lets_links_read_them(tmp_path: Path) -> None:
    backends = {
        "local": {},
        "s3": {"bucket": "states", "region": "eu-west-1"},
        "azurerm": {"storage_account_name": "states", "container_name": "tfstate"},
        "gcs": {"bucket": "states"},
        "remote": {"organization": "factory"},
    }
    layout = Layout(Cloud.AWS, Cloud.AZURE, Cloud.GCP)
    for kind, arguments in backends.items():
        config = twin_config(layout, backend={"type": kind, **arguments})
        synthesis.synthesize(config, tmp_path / kind)
        stacks = {
            path.parent.name: json.loads(path.read_text(encoding="utf-8"))
            for path in (tmp_path / kind / "stacks").glob("*/cdk.tf.json")
        }
        own = {name: stack["terraform"]["backend"][kind] for name, stack in stacks.items()}
        assert len({json.dumps(place, sort_keys=True) for place in own.values()}) == len(stacks), kind
        for name, state in stacks["links"]["data"]["terraform_remote_state"].items():
            assert state["backend"] == kind
            without_lock = {key: value for key, value in own[name].items() if key != "use_lockfile"}
            assert state["config"] == without_lock, kind
