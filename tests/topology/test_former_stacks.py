"""Stacks of clouds that layers have left."""

from pathlib import Path

import pytest

from stacks import build as synthesis
from stacks import summary
from support.layouts import CLOUDS, Layout, twin_config
from support.synth import stacks_of
from support.terraform_json import Stack, resources
from twin_runtime.roles import Cloud, Layer

AWS, AZURE, GCP = Cloud
STORES = {
    AWS: {Layer.HOT_STORAGE: "aws_dynamodb_table.hot"},
    AZURE: {Layer.HOT_STORAGE: "azurerm_cosmosdb_sql_container"},
    GCP: {Layer.HOT_STORAGE: "google_firestore_database.hot"},
}


def _addresses(stack: Stack) -> set[str]:
    return {block.address for block in resources(stack)}


@pytest.mark.parametrize("cloud", list(Cloud))
def test_a_cloud_without_a_layer_has_providers_and_no_resource(cloud: Cloud) -> None:
    """So that an apply can remove what was there before."""
    other = next(each for each in Cloud if each is not cloud)
    config = twin_config(Layout(other, other, other), clouds=CLOUDS)
    stacks = stacks_of(config)
    before = stacks_of(twin_config(Layout(cloud, cloud, cloud)))[cloud]
    stack = stacks[cloud]
    assert not resources(stack) and "data" not in stack
    assert set(stack["provider"]) == set(before["provider"])
    assert (
        stack["provider"][next(iter(stack["provider"]))] == before["provider"][next(iter(before["provider"]))]
    )
    assert stack["terraform"]["backend"] == before["terraform"]["backend"]
    assert set(stack["terraform"]["required_providers"]) == set(before["terraform"]["required_providers"])
    assert stack["output"]["deployment"]["value"]["layers"] == []


@pytest.mark.matrix
@pytest.mark.parametrize("cloud", list(Cloud))
def test_former_stores_stay_at_their_addresses(cloud: Cloud) -> None:
    other = next(each for each in Cloud if each is not cloud)
    before = stacks_of(twin_config(Layout(cloud, cloud, cloud, cold=cloud)))[cloud]
    former = [f"hot_storage@{cloud}", f"cold_storage@{cloud}"]
    config = twin_config(Layout(other, other, other, cold=other), clouds=CLOUDS, former=former)
    after = stacks_of(config)[cloud]
    kept = _addresses(after)
    assert kept <= _addresses(before)
    assert any(address.startswith(STORES[cloud][Layer.HOT_STORAGE]) for address in kept)
    assert set(after["output"]["former_stores"]["value"]) == {"hot_storage", "cold_storage"}
    assert after["output"]["deployment"]["value"]["former"] == ["hot_storage", "cold_storage"]


def test_the_summary_names_them(tmp_path) -> None:
    config = twin_config(Layout(GCP, GCP, GCP), clouds=CLOUDS, former=["hot_storage@azure"])
    synthesis.synthesize(config, tmp_path)
    said = summary.text(summary.document(config, Path("twin.yaml"), tmp_path))
    lines = {line.split()[0]: line for line in said.splitlines() if line.strip()}
    assert lines["aws"].endswith(
        "0 resources                       no layer: deploying it removes what was there"
    )
    assert lines["azure"].endswith("  former hot_storage")
    assert lines["gcp"].endswith("  acquisition, processing, hot_storage")
