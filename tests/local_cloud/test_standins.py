"""Stacks whose providers are not there, evaluated by real Terraform."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local_cloud import shared, standins, terraform
from local_cloud.errors import MissingProgram
from local_cloud.terraform import TerraformFailed, Workspace
from support.servers import missing

COUNT = "${var.enable_events ? 1 : 0}"


def stack(**resources: Any) -> dict[str, Any]:
    return {
        "terraform": {"required_providers": {"azurerm": {"source": "azurerm", "version": "4.55.0"}}},
        "provider": {"azurerm": [{"features": [{}]}]},
        "variable": {"enable_events": {"default": True, "type": "bool"}},
        "resource": resources,
    }


def computed(kind: str, name: str, body: standins.Body) -> Mapping[str, Any]:
    if kind == "azurerm_storage_queue":
        return {"url": f"http://127.0.0.1:1/{body['name']}"}
    return {"id": f"/{kind}/{name}"}


def test_references_lead_to_the_stand_ins() -> None:
    made = standins.rewrite(
        stack(
            azurerm_storage_queue={"work": {"name": "work", "count": COUNT, "lifecycle": {"x": 1}}},
            azurerm_app={
                "one": {
                    "queue": "${one(azurerm_storage_queue.work[*].url)}",
                    "text": "azurerm_storage_queue.work is a name here",
                    "depends_on": ["azurerm_storage_queue.work"],
                }
            },
        ),
        computed,
    )
    assert made["resource"] == {
        "terraform_data": {
            "azurerm_storage_queue__work": {
                "count": COUNT,
                "input": {"name": "work", "url": "http://127.0.0.1:1/work"},
            },
            "azurerm_app__one": {
                "depends_on": ["terraform_data.azurerm_storage_queue__work"],
                "input": {
                    "queue": "${one(terraform_data.azurerm_storage_queue__work[*].output.url)}",
                    "text": "azurerm_storage_queue.work is a name here",
                    "id": "/azurerm_app/one",
                },
            },
        }
    }
    assert "provider" not in made
    assert made["terraform"] == {"required_providers": {}}


def test_a_real_provider_keeps_its_resources() -> None:
    aws = {"aws_sqs_queue": {"work": {"name": "work"}}, "random_password": {"key": {"length": 8}}}
    twin = stack(**aws)
    twin["terraform"]["required_providers"] |= {"aws": {"source": "aws", "version": "6.25.0"}}
    made = standins.rewrite(twin, computed, real=("aws",))
    assert made["resource"]["aws_sqs_queue"] == aws["aws_sqs_queue"]
    assert list(made["resource"]["terraform_data"]) == ["random_password__key"]
    assert list(made["terraform"]["required_providers"]) == ["aws"]


@pytest.mark.terraform
class TestByTerraform:
    @pytest.fixture(autouse=True)
    def _terraform(self) -> None:
        try:
            terraform.binary()
        except MissingProgram as error:
            missing(str(error))

    def evaluate(self, folder: Path, twin: Mapping[str, Any], **variables: object) -> standins.Evaluated:
        workspace = Workspace(folder)
        workspace.write(standins.rewrite(twin, self.both))
        return standins.evaluated(workspace.apply(variables))

    def both(self, kind: str, name: str, body: standins.Body) -> Mapping[str, Any]:
        return {**computed(kind, name, body), **shared.computed("seed")(kind, name, body)}

    def twin(self) -> dict[str, Any]:
        made = stack(
            azurerm_storage_queue={
                "work": {"name": "work", "count": COUNT},
                "each": {"name": "q-${each.key}", "for_each": '${toset(["a", "b"])}'},
            },
            azurerm_app={"one": {"queue": '${try(azurerm_storage_queue.work[0].url, "")}'}},
            random_password={"key": {"length": 40, "for_each": '${toset(["0", "1"])}'}},
        )
        made["data"] = {"azurerm_client_config": {"current": {}}}
        made["output"] = {
            "key": {"value": '${random_password.key["1"].result}', "sensitive": True},
            "who": {"value": "${data.azurerm_client_config.current.id}"},
        }
        return made

    def test_count_for_each_and_outputs_are_terraform_s(self, tmp_path: Path) -> None:
        found = self.evaluate(tmp_path, self.twin())
        assert found.of("azurerm_storage_queue") == {
            "work": {"name": "work", "url": "http://127.0.0.1:1/work"},
            'each["a"]': {"name": "q-a", "url": "http://127.0.0.1:1/q-a"},
            'each["b"]': {"name": "q-b", "url": "http://127.0.0.1:1/q-b"},
        }
        assert found.of("azurerm_app")["one"]["queue"] == "http://127.0.0.1:1/work"
        assert found.outputs["who"] == "/data.azurerm_client_config/current"
        keys = {each["result"] for each in found.of("random_password").values()}
        assert len(keys) == 2
        assert all(len(key) == 40 for key in keys)
        assert found.outputs["key"] in keys

    def test_what_is_off_is_not_there(self, tmp_path: Path) -> None:
        found = self.evaluate(tmp_path, self.twin(), enable_events=False)
        assert "work" not in found.of("azurerm_storage_queue")
        assert found.of("azurerm_app")["one"]["queue"] == ""

    def test_passwords_stay_when_it_is_applied_again(self, tmp_path: Path) -> None:
        first = self.evaluate(tmp_path, self.twin())
        assert self.evaluate(tmp_path, self.twin()).outputs == first.outputs

    def test_a_wiring_mistake_shows(self, tmp_path: Path) -> None:
        twin = self.twin()
        twin["resource"]["azurerm_app"]["one"]["queue"] = "${azurerm_storage_queue.wrok.url}"
        with pytest.raises(TerraformFailed, match="wrok"):
            self.evaluate(tmp_path, twin)
