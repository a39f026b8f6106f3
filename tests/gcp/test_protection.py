"""What Google Cloud and Terraform delete for nobody, and what a former store keeps."""

import pytest

from support.layouts import twin_config
from support.planes.twins import layout
from support.replacement import KINDS
from support.synth import stacks, stacks_of
from support.terraform_json import resources
from twin_runtime.roles import Layer
from twinspan.terraform.stackjson import Blocks

ALL = layout("ggggggg")
LAYER_OF = {
    "google_firestore_database.hot": Layer.HOT_STORAGE,
    "google_storage_bucket.files": Layer.COLD_STORAGE,
}


def test_a_database_that_terraform_deletes_is_deleted() -> None:
    """With the policy ABANDON it would be left behind, in no state."""
    for protect in (True, False):
        stack = stacks(ALL, protect=protect)["gcp"]
        policies = {b.body["deletion_policy"] for b in resources(stack, "google_firestore_database")}
        assert policies == {"DELETE"}


def test_what_the_event_system_s_switch_deletes_is_not_protected() -> None:
    for block in resources(stacks(ALL)["gcp"]):
        if {"count", "for_each"} & block.body.keys():
            assert "prevent_destroy" not in block.body.get("lifecycle", {}), block.address


STORES = (
    "google_firestore_database",
    "google_firestore_field",
    "google_firestore_index",
    "google_storage_bucket",
)
FORMER = [
    ("ggmgggg", ["hot_storage"]),
    ("gggmmgg", ["cold_storage", "archive_storage"]),
    ("ggmmmgg", ["hot_storage", "cold_storage", "archive_storage"]),
    ("mmmmmmm", ["hot_storage", "cold_storage", "archive_storage"]),
]
CLOUDS = {
    "azure": {"location": "westeurope", "subscription_id": "00000000-0000-0000-0000-000000000000"},
    "gcp": {"project": "my-project", "region": "europe-west1"},
}
IN_PLACE = {
    "google_firestore_field.expires": {"ttl_config"},
    "google_storage_bucket.files": {"lifecycle_rule"},
}


@pytest.mark.parametrize(("letters", "former"), FORMER)
def test_a_former_store_differs_in_what_can_be_changed_alone(letters: str, former: list[str]) -> None:
    before = {block.address: block for block in resources(stacks(ALL)["gcp"])}
    config = twin_config(layout(letters), clouds=CLOUDS, former=[f"{layer}@gcp" for layer in former])
    after = stacks_of(config)["gcp"]
    kept = [block for block in resources(after) if block.kind in STORES and before.get(block.address)]
    stays = {"google_firestore_database.hot"} if "hot_storage" in former else set()
    stays |= {"google_storage_bucket.files"} if "cold_storage" in former else set()
    assert stays <= {block.address for block in kept}
    layers = Blocks(after)
    assert {layers.layer(layers.at(address)) for address in stays} == {LAYER_OF[address] for address in stays}
    for block in kept:
        differ = {
            name
            for name in {*block.body, *before[block.address].body} - {"//"}
            if block.body.get(name) != before[block.address].body.get(name)
        }
        assert differ <= IN_PLACE.get(block.address, set()), block.address
        assert not differ & {*KINDS[block.kind].forces}
    if "hot_storage" in former:
        (expires,) = (
            b.body for b in resources(after, "google_firestore_field") if b.body["field"] == "expires"
        )
        assert "ttl_config" not in expires
        assert expires["index_config"] == before["google_firestore_field.expires"].body["index_config"] == {}


def test_a_former_archive_keeps_its_class_and_label() -> None:
    before = stacks(layout("gmmmgmm"))["gcp"]["resource"]["google_storage_bucket"]["files"]
    config = twin_config(layout("gmmmmmm"), former=["archive_storage@gcp"])
    after = stacks_of(config)["gcp"]["resource"]["google_storage_bucket"]["files"]
    assert before["labels"]["layer"] == "archive_storage"
    same = ("name", "labels", "storage_class", "location", "force_destroy")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert "SetStorageClass" not in str(after["lifecycle_rule"])
