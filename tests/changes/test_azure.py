"""A twin on Azure is changed, and each change is complete after one apply."""

import copy

import pytest

from support.planes import TerraformFailed, World
from support.planes.twins import Twin, layout
from support.synth import stacks
from support.terraform_json import Stack

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
        twin.deploy(stacks(layout(letters)))
        assert twin.unsettled() == {}
