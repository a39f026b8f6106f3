"""A twin on Google Cloud is changed, and each change is complete after one apply."""

import json
from typing import Any

import pytest

from support.layouts import CLOUDS, Layout, twin_config
from support.planes import TerraformFailed, World
from support.planes.twins import Twin, layout
from support.synth import Stack, stacks, stacks_of
from twin_runtime.roles import Cloud

pytestmark = pytest.mark.terraform

GOOGLE = layout("ggggggg")
BOTH = {name: CLOUDS[name] for name in ("azure", "gcp")}
FORMER = ["hot_storage@gcp", "cold_storage@gcp", "archive_storage@gcp"]
STORES = (
    "google_firestore_database",
    "google_firestore_field",
    "google_firestore_index",
    "google_storage_bucket",
)


def test_events_are_switched_in_one_apply(world: World) -> None:
    twin = Twin(world)
    for on in (False, True, False, True):
        twin.deploy(stacks(GOOGLE), enable_events=on)
        assert twin.unsettled(enable_events=on) == {}


def elsewhere(*, protect: bool) -> dict[str, Stack]:
    clouds = {"gcp": {**CLOUDS["gcp"], "region": "europe-west4"}}
    return stacks_of(twin_config(GOOGLE, clouds=clouds, protect=protect))


def test_a_region_is_changed_in_one_apply(world: World) -> None:
    twin = Twin(world)
    for one in (stacks(GOOGLE, protect=False), elsewhere(protect=False), stacks(GOOGLE, protect=False)):
        twin.deploy(one)
        assert twin.unsettled() == {}


def test_a_protected_twin_keeps_its_region(world: World) -> None:
    twin = Twin(world)
    twin.deploy(stacks(GOOGLE))
    with pytest.raises(TerraformFailed, match="prevent_destroy"):
        twin.deploy(elsewhere(protect=True))
    with pytest.raises(TerraformFailed, match="prevent_destroy"):
        world.destroy("gcp", stacks(GOOGLE)["gcp"])
    twin.deploy(stacks(GOOGLE))
    assert twin.unsettled() == {}


def test_protection_is_switched_in_one_apply_and_replaces_nothing(world: World) -> None:
    twin = Twin(world)
    twin.deploy(stacks(GOOGLE))
    for protect in (False, True):
        changes = world.changes("gcp", stacks(GOOGLE, protect=protect)["gcp"])
        assert set(changes.values()) == {("update",)}
        twin.deploy(stacks(GOOGLE, protect=protect))
        assert twin.unsettled() == {}
    for unprotected in (stacks(GOOGLE, protect=False), {}):
        twin.deploy(unprotected)
    assert world.objects("google_firestore_database") == []


def test_google_refuses_to_delete_what_has_left_the_stack(world: World) -> None:
    """`prevent_destroy` goes with the block that has it."""
    twin = Twin(world)
    twin.deploy(stacks(GOOGLE))
    held = [one["name"] for one in world.objects("google_firestore_database")]
    with pytest.raises(TerraformFailed, match="delete_protection_state"):
        world.apply("gcp", stacks(layout("ggmgggg"))["gcp"])
    assert [one["name"] for one in world.objects("google_firestore_database")] == held
    former = stacks_of(twin_config(layout("ggmgggg"), former=FORMER[:1]))["gcp"]
    world.apply("gcp", former)  # and a line in twin.yaml puts back what went before it
    assert world.changes("gcp", former) == {}
    assert [one["name"] for one in world.objects("google_firestore_database")] == held
    with pytest.raises(TerraformFailed, match="deletion_protection"):
        world.apply("gcp", stacks(layout("mgggggg"))["gcp"])
    assert "google_secret_manager_secret.fleet" in world.state("gcp")


WITHOUT_TIERS = Layout(Cloud.GCP, Cloud.GCP, Cloud.GCP)


@pytest.mark.parametrize(
    ("before", "after", "former"),
    [
        (GOOGLE, layout("ggmgggg"), FORMER[:1]),
        (GOOGLE, layout("ggmmmgg"), FORMER),
        (WITHOUT_TIERS, WITHOUT_TIERS._replace(l3=Cloud.AZURE), FORMER[:1]),
    ],
    ids=str,
)
def test_a_store_that_its_layer_has_left_is_changed_in_place(
    world: World, before: Layout, after: Layout, former: list[str]
) -> None:
    """Rows of a former store do not expire, nor do those of a store with a cold tier."""
    twin = Twin(world)
    twin.deploy(stacks(before))
    policies = int(before is WITHOUT_TIERS)
    assert expiry(world) == (policies, 1)
    ids = {kind: {one["id"] for one in world.objects(kind)} for kind in STORES}
    left = stacks_of(twin_config(after, former=former))
    changes = world.changes("gcp", left["gcp"])
    own = {address: how for address, how in changes.items() if address.split(".")[0] in STORES}
    assert ("google_firestore_field.expires" in own) == bool(policies)
    assert set(own.values()) <= {("update",)}
    twin.deploy(left)
    assert twin.unsettled() == {}
    for kind, stores in ids.items():
        assert stores <= {one["id"] for one in world.objects(kind)}
    assert expiry(world) == (0, 1)
    world.apply("gcp", stacks(before)["gcp"])
    assert world.changes("gcp", stacks(before)["gcp"]) == {}
    assert expiry(world) == (policies, 1)


def expiry(world: World) -> tuple[int, int]:
    """How many policies the field of expiry has: those that delete, and those on its index."""
    (field,) = (one for one in world.objects("google_firestore_field") if one["field"] == "expires")
    return len(field["ttl_config"]), len(field["index_config"])


def test_a_cloud_that_was_left_ends_empty(world: World) -> None:
    twin = Twin(world)
    twin.deploy(stacks(GOOGLE, protect=False))
    left = stacks_of(twin_config(layout("mmmmmmm"), clouds=BOTH, protect=False))
    assert {*left} == {"azure", "gcp"}
    assert "resource" not in left["gcp"]
    twin.deploy(left)
    assert world.state("gcp") == []
    assert twin.unsettled() == {}
    services = [call for call in world.log if call.type == "google_project_service"]
    assert services, "they were there, and left"
    kept = stacks(GOOGLE)["gcp"]["resource"]["google_project_service"]["required"]
    assert kept["disable_on_destroy"] is False
    twin.deploy(stacks(GOOGLE, protect=False))
    assert twin.unsettled() == {}


def keys(world: World, role: str = "hot-reader") -> dict[str, Any]:
    """The newest version of a receiver's secret."""
    versions = [one for one in world.objects("google_secret_manager_secret_version") if role in one["secret"]]
    (newest,) = versions
    return json.loads(newest["secret_data"])


def test_each_client_s_keys_are_rotated_and_revoked_on_their_own(world: World) -> None:
    twin = Twin(world)

    def deploy(*clients: Any) -> dict[str, Any]:
        twin.deploy(stacks_of(twin_config(GOOGLE, read_api={"clients": clients} if clients else True)))
        assert twin.unsettled() == {}
        assert keys(world).get("clients", {}).keys() == keys(world, "twin-reader").get("clients", {}).keys()
        return keys(world)

    alone = deploy()
    assert alone.keys() == {"api_keys"}
    first = deploy("erp", "mobile-app")
    assert first["api_keys"] == alone["api_keys"]
    every = [key for given in (first["api_keys"], *first["clients"].values()) for key in given]
    assert len(every) == len({*every}) == 6

    second = deploy({"name": "erp", "generation": 2}, "mobile-app")
    assert second["clients"]["erp"][0] == first["clients"]["erp"][1]
    assert second["clients"]["erp"][1] not in every
    assert second["clients"]["mobile-app"] == first["clients"]["mobile-app"]
    assert second["api_keys"] == alone["api_keys"]

    third = deploy({"name": "erp", "generation": 2, "revoked_before": 2})
    assert third["clients"] == {"erp": second["clients"]["erp"][1:]}
