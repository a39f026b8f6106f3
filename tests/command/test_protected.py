"""What `prevent_destroy` refuses is planned for reading, and for deletion where the operator consents."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from command.plan.planning import FILE, Planned, Planning
from command.plan.reading import Action
from command.session import Session
from local_cloud import terraform
from local_cloud.errors import MissingProgram
from support.layouts import Layout, twin_data
from support.servers import missing
from twin_runtime.roles import Cloud

pytestmark = pytest.mark.terraform

STORE = "hot_storage@aws"
ADDRESS = "terraform_data.hot"


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    try:
        terraform.binary()
    except MissingProgram as error:
        missing(str(error))
    twin = tmp_path / "twin.yaml"
    data = twin_data(Layout(Cloud.AWS, Cloud.AWS, Cloud.AWS))
    del data["device_types"]["thermostat"]["processor"]
    twin.write_text(json.dumps(data))
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", os.devnull)
    return Session(twin=twin, out=tmp_path / "cdktf.out")


def planned(session: Session, generation: int, *delete_data: str) -> Planned:
    """The plan of a stack of which one protected resource is made anew with each generation."""
    folder = session.out / "stacks" / "aws"
    folder.mkdir(parents=True, exist_ok=True)

    def block(name: str, layer: str) -> dict[str, Any]:
        return {
            "//": {"metadata": {"path": f"aws/{layer}/{name}"}},
            "triggers_replace": generation,
            "lifecycle": {"prevent_destroy": True},
        }

    resources = {"hot": block("hot", "hot-storage")}
    if generation > 2:
        resources["cold"] = block("cold", "cold-storage")
    stack = {
        "terraform": {"backend": {"local": {"path": "../../../state"}}},
        "resource": {"terraform_data": resources},
    }
    (folder / "cdk.tf.json").write_text(json.dumps(stack))
    return Planning(session, variables={}, delete_data=delete_data).cloud("aws")


def test_what_is_protected_is_read_and_applied_with_consent_alone(session: Session) -> None:
    first = planned(session, 1)
    assert first.applicable
    first.at.apply(FILE)

    refused = planned(session, 2)
    assert not refused.applicable
    assert refused.reading.actions == {ADDRESS: Action.REPLACE}
    assert not (refused.at.folder / FILE).exists()
    assert (session.out / "stacks" / "aws" / "cdk.tf.json").read_text().count("prevent_destroy") == 1

    elsewhere = planned(session, 2, "cold_storage@aws")
    assert not elsewhere.applicable

    allowed = planned(session, 2, STORE)
    assert allowed.applicable
    assert allowed.reading.actions == {ADDRESS: Action.REPLACE}
    allowed.at.apply(FILE)
    assert planned(session, 2).reading.empty

    # Consent to the loss of one store is none to that of another.
    planned(session, 3, STORE).at.apply(FILE)
    both = planned(session, 4, STORE)
    assert not both.applicable
    assert set(both.reading.actions.values()) == {Action.REPLACE}
