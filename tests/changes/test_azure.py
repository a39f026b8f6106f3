"""A twin on Azure is changed, and each change is complete after one apply."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from support.layouts import CLOUDS, Layout, twin_config
from support.planes import TerraformFailed, World
from support.planes.twins import Twin, edited, layout
from support.synth import stacks, stacks_of
from support.terraform_json import Stack
from twin_runtime.roles import Cloud

pytestmark = pytest.mark.terraform

AZURE = layout("mmmmmmm")
APP = "azurerm_function_app_flex_consumption"
DEPLOYMENT = "azapi_resource_action"


def fail_a_deployment(world: World) -> None:
    """The next deployment of the persister's code fails, and Azure keeps it as failed."""
    world.fail(DEPLOYMENT, "persister-code", leaves="object")


def with_other_code() -> dict[str, Stack]:
    """The stacks with another package."""
    made = copy.deepcopy(stacks(AZURE))
    made["azure"]["resource"]["azurerm_storage_blob"]["package"]["name"] = "other/released-package.zip"
    return made


def test_events_are_switched_in_one_apply(world: World) -> None:
    twin = Twin(world)
    for on in (False, True, False, True):
        twin.deploy(stacks(AZURE), enable_events=on)
        assert twin.unsettled(enable_events=on) == {}


@pytest.mark.parametrize(
    "changed", [pytest.param(False, id="as it was", marks=pytest.mark.slow), pytest.param(True, id="changed")]
)
def test_a_first_deployment_of_code_that_failed_is_tried_again(world: World, changed: bool) -> None:
    twin = Twin(world)
    fail_a_deployment(world)
    with pytest.raises(TerraformFailed, match="made to fail"):
        twin.deploy(stacks(AZURE))
    twin.deploy(with_other_code() if changed else stacks(AZURE))
    assert twin.unsettled() == {}


def test_a_later_deployment_of_code_that_failed_is_tried_again(world: World) -> None:
    twin = Twin(world)
    twin.deploy(stacks(AZURE))
    fail_a_deployment(world)
    later = with_other_code()
    with pytest.raises(TerraformFailed, match="made to fail"):
        twin.deploy(later)
    assert any("persister" in address for address in world.changes("azure", later["azure"]))
    twin.deploy(later)
    assert twin.unsettled() == {}


def test_code_is_deployed_again_after_an_app_was_changed_by_hand(world: World) -> None:
    twin = Twin(world)
    twin.deploy(stacks(AZURE))
    (app,) = (one for one in world.objects(APP) if one["app_settings"]["TWIN_ROLE"] == "persister")
    app["app_settings"] = {**app["app_settings"], "BY_HAND": "x"}
    before = len(world.log)
    twin.deploy(stacks(AZURE))
    made = [call.type for call in world.log[before:] if "persister" in call.id and call.operation != "delete"]
    assert made[0] == APP
    assert DEPLOYMENT in made[1:]


def test_the_hot_store_is_moved_to_the_cloud_of_the_dashboards(world: World) -> None:
    twin = Twin(world)
    for letters in ("mmggmmm", "mmmgmmm", "mmggmmm"):
        twin.deploy(edited(letters, protect={"hot_storage": False}))
        assert twin.unsettled() == {}


def test_a_store_stays_until_its_protection_is_lifted(world: World) -> None:
    twin = Twin(world)
    twin.deploy(stacks(AZURE))
    with pytest.raises(TerraformFailed, match=r"ScopeLocked.*containers/events"):
        twin.deploy(stacks(layout("mmgmmmm")))
    kept = ("azurerm_cosmosdb_account", "azurerm_cosmosdb_sql_database", "azurerm_cosmosdb_sql_container")
    assert all(world.objects(kind) for kind in kept)
    twin.deploy(stacks(AZURE))
    assert twin.unsettled() == {}
    off = {"hot_storage": False}
    for letters in ("mmmmmmm", "mmgmmmm"):
        twin.deploy(edited(letters, protect=off))
        assert twin.unsettled() == {}
    assert not any(world.objects(kind) for kind in kept)


def test_a_store_that_its_layer_has_left_is_changed_in_place(world: World) -> None:
    """Rows of a former store do not expire, nor do those of a store with a cold tier."""
    twin, before = Twin(world), Layout(Cloud.AZURE, Cloud.AZURE, Cloud.AZURE)
    twin.deploy(stacks(before))
    after = stacks_of(twin_config(before._replace(l3=Cloud.GCP), former=["hot_storage@azure"]))
    changes = world.changes("azure", after["azure"])
    assert {address: actions for address, actions in changes.items() if address.endswith(".store")} == {
        "azurerm_cosmosdb_sql_container.store": ("update",)
    }
    twin.deploy(after)
    assert twin.unsettled() == {}
    (rows,) = world.objects("azurerm_cosmosdb_sql_container")
    assert rows["default_ttl"] is None


def test_a_cloud_that_is_left_with_its_entry_ends_empty(world: World, tmp_path: Path) -> None:
    twin = Twin(world)
    twin.deploy(edited("mmmmmmm", protect=False))
    clouds = {name: CLOUDS[name] for name in ("azure", "gcp")}
    left = edited("ggggggg", clouds=clouds)
    assert "resource" not in left["azure"]
    twin.deploy(left)
    assert twin.unsettled() == {}
    state = json.loads((tmp_path / "azure" / "terraform.tfstate").read_text(encoding="utf-8"))
    assert state["resources"] == []
    assert not world.objects("azurerm_resource_group")


def keys_of(world: World, folder: Path, *clients: object, **variables: object) -> tuple[Any, Any]:
    """What the secret of the read API's keys contains, and the output of the clients' newest ones."""
    stack = edited("mmmmmmm", read_api={"clients": [*clients]})["azure"]
    name = "hot_reader_api_keys"
    published = {
        "secret": {"value": stack["resource"]["azurerm_key_vault_secret"][name]["value"], "sensitive": True},
        "newest": stack["output"]["telemetry_api_client_keys"],
    }
    passwords = {
        each: body
        for each, body in stack["resource"]["random_password"].items()
        if each.startswith("hot_reader_")
    }
    part = {
        "terraform": {"required_providers": {"random": {"source": "hashicorp/random"}}},
        "variable": stack["variable"],
        "resource": {"random_password": passwords},
        "output": published,
    }
    world.apply("keys", part, **variables)
    outputs = json.loads((folder / "keys" / "terraform.tfstate").read_text(encoding="utf-8"))["outputs"]
    return json.loads(outputs["secret"]["value"]), outputs["newest"]["value"]


def test_each_client_has_keys_that_are_rotated_and_revoked_on_their_own(world: World, tmp_path: Path) -> None:
    first, newest = keys_of(world, tmp_path, "erp", "mobile")
    assert {name: len(keys) for name, keys in first["clients"].items()} == {"erp": 2, "mobile": 2}
    assert newest == {name: keys[-1] for name, keys in first["clients"].items()}
    every = [*first["api_keys"], *first["clients"]["erp"], *first["clients"]["mobile"]]
    assert len({*every}) == 6

    rotated, newest = keys_of(world, tmp_path, {"name": "erp", "generation": 2}, "mobile")
    assert rotated["clients"]["erp"] == [first["clients"]["erp"][1], newest["erp"]]
    assert {**rotated, "clients": rotated["clients"]["mobile"]} == {
        **first,
        "clients": first["clients"]["mobile"],
    }

    revoked = {"name": "erp", "generation": 2, "revoked_before": 2}
    last, _ = keys_of(world, tmp_path, revoked, key_generation=2, keys_revoked_before=2)
    assert last["clients"] == {"erp": [newest["erp"]]}
    assert len(last["api_keys"]) == 1
    assert last["api_keys"][0] not in first["api_keys"]
