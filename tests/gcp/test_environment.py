"""The environment of the functions, evaluated by real Terraform with the event system on and off."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gcp.stacks import gcp_stack
from local_cloud import shared, standins
from local_cloud.gcp.computed import Attributes
from local_cloud.terraform import Workspace
from support.layouts import Layout
from support.terraform import real_terraform
from twin_runtime.roles import Cloud

FUNCTION = "google_cloudfunctions2_function"
IDS = {
    "STORE": "google_firestore_database.hot",
    "GRAPH": "google_firestore_database.graph",
    "BROKER": "google_pubsub_topic.device_commands",
    "WORKFLOW": "google_workflows_workflow.workflow",
    "FLEET_SECRET": "google_secret_manager_secret.fleet",
    "EVENTS_QUEUE": "google_pubsub_topic.events",
    "PERSISTING_QUEUE": "google_pubsub_topic.persisting",
}
"""Variables, and what each names by its full name, which is its id."""


def evaluated(folder: Path, *, events: bool) -> standins.Evaluated:
    real_terraform()
    stack = gcp_stack(Layout(*[Cloud.GCP] * 7))
    urls = {role: f"https://{role}" for role in stack["resource"][FUNCTION]}
    attributes, passwords = Attributes("my-project", urls), shared.computed("seed")

    def computed(kind: str, name: str, body: standins.Body) -> Mapping[str, Any]:
        return (passwords if kind.startswith(("random_", "time_")) else attributes)(kind, name, body)

    rewritten = standins.rewrite(stack, computed)
    rewritten["terraform"].pop("backend", None)
    workspace = Workspace(folder)
    workspace.write(rewritten)
    return standins.evaluated(workspace.apply({"enable_events": events}))


def environments(found: standins.Evaluated) -> dict[str, dict[str, str]]:
    functions = found.of(FUNCTION).items()
    return {role: values["service_config"][0]["environment_variables"] for role, values in functions}


@pytest.mark.terraform
def test_with_the_event_system_on(tmp_path: Path) -> None:
    found = evaluated(tmp_path, events=True)
    blocks = {address.removesuffix("[0]"): values for address, values in found.resources.items()}
    told = {name: value for given in environments(found).values() for name, value in given.items()}
    assert {name: told[name] for name in IDS} == {name: blocks[of]["id"] for name, of in IDS.items()}


@pytest.mark.terraform
def test_with_the_event_system_off(tmp_path: Path) -> None:
    """google_cloudfunctions2_function, source: environment_variables is Optional and Computed, so that a
    change to an empty value is none.
    """
    found = environments(evaluated(tmp_path, events=False))
    assert "event_checker" not in found
    assert "EVENTS_QUEUE" not in found["persister"]
    assert all(value for given in found.values() for value in given.values())
