"""Real Terraform evaluates the output `dead_letter_queues`, with the event system on and off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local_cloud import standins
from local_cloud.terraform import Workspace
from operations.dead_letters.locations import of_outputs
from support.layouts import Layout
from support.servers import missing
from support.synth import stacks
from support.terraform import real_terraform
from twin_runtime.roles import Cloud

pytestmark = pytest.mark.terraform
EVERYTHING = {"telemetry", "processing", "persisting", "events", "commands"}


def computed(kind: str, name: str, body: standins.Body) -> dict[str, Any]:
    """What the addresses in the output are made of."""
    match kind:
        case "azurerm_storage_account":
            endpoints = {
                "primary_blob_endpoint": "https://blobs/",
                "primary_queue_endpoint": "https://queues/",
            }
            return {**endpoints, "id": name}
        case "google_pubsub_subscription":
            return {"id": f"projects/p/subscriptions/{body['name']}"}
    return {}


def outputs_of(stack: dict[str, Any], folder: Path, *, events: bool) -> dict[str, Any]:
    """The output alone, with the resources that it names."""
    kinds = (
        "azurerm_storage_queue",
        "azurerm_storage_account",
        "azurerm_storage_container",
        "google_pubsub_topic",
        "google_pubsub_subscription",
        "google_secret_manager_secret",
    )
    blocks = {kind: _bare(found) for kind, found in stack["resource"].items() if kind in kinds}
    part = {
        "terraform": {key: value for key, value in stack["terraform"].items() if key != "backend"},
        "variable": stack["variable"],
        "output": {"dead_letter_queues": stack["output"]["dead_letter_queues"]},
        "resource": blocks,
    }
    workspace = Workspace(folder)
    workspace.write(standins.rewrite(part, computed))
    state = workspace.apply({"enable_events": events})
    return dict(standins.evaluated(state).outputs)


def _bare(blocks: dict[str, Any]) -> dict[str, Any]:
    """Names and counts: other arguments refer to what is not in the part."""
    return {
        name: {key: block[key] for key in ("name", "secret_id", "count", "for_each") if key in block}
        for name, block in blocks.items()
    }


@pytest.mark.parametrize("events", [True, False], ids=["on", "off"])
@pytest.mark.parametrize("cloud", [Cloud.AZURE, Cloud.GCP])
def test_azure_and_google_cloud(cloud: Cloud, events: bool, tmp_path: Path) -> None:
    real_terraform()
    stack = stacks(Layout(cloud, cloud, cloud))[cloud]
    outputs = outputs_of(stack, tmp_path, events=events)
    found = {location.hop: location for location in of_outputs({cloud: outputs})}
    expected = EVERYTHING | ({"broker"} if cloud is Cloud.AZURE else set())
    assert set(found) == (expected if events else expected - {"events", "commands"})
    assert found["telemetry"].target == found["processing"].target
    if cloud is Cloud.GCP:
        assert found["telemetry"].fleet_secret == "projects/my-project/secrets/factory-fleet-europe-west1"
        assert found["processing"].letters == "projects/p/subscriptions/factory-processing-dead"
    else:
        assert found["broker"].letters == "https://blobs/factory-broker-dead"
        bodies = "bodies=https://blobs/factory-bodies-processing"
        assert found["processing"].letters == f"https://queues/factory-processing-poison?{bodies}"


@pytest.mark.parametrize("events", [pytest.param(True, marks=pytest.mark.slow), False], ids=["on", "off"])
def test_aws(events: bool, tmp_path: Path) -> None:
    """A plan with the real provider: what it says of the output before the queues are there."""
    terraform = real_terraform()
    if "aws" not in terraform.providers:
        missing("no mirror holds the provider aws")
    from aws.conftest import synthesize

    layout = Layout(Cloud.AWS, Cloud.AWS, Cloud.AWS)
    checked = terraform.check(synthesize(tmp_path, layout))
    plan = checked.plan(enable_events=events)
    change = plan["output_changes"]["dead_letter_queues"]
    unknown = change["after_unknown"]
    assert set(unknown) | set(change["after"]) >= EVERYTHING
    for hop in ("events", "commands"):
        if events:
            assert change["after"][hop]["kind"] == "queue"
            assert unknown[hop]["letters"] is True
        else:
            assert change["after"][hop] is None
    assert change["after"]["telemetry"]["kind"] == "dispatcher"
