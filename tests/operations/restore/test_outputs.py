"""The output `storage_tiers` of synthesized stacks, as the command reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from operations.restore.locations import Location, Locations, of_outputs
from support.layouts import Layout
from support.synth import stacks
from twin_runtime.roles import Cloud

pytestmark = pytest.mark.matrix  # for its time
AWS, AZURE, GCP = Cloud.AWS, Cloud.AZURE, Cloud.GCP
FORMS = {
    ("aws", "hot"): r"\$\{aws_dynamodb_table\.\w+\.name\}",
    ("aws", "cold"): r"s3://\$\{aws_s3_bucket\.\w+\.bucket\}\?class=STANDARD_IA",
    ("aws", "archive"): r"s3://\$\{aws_s3_bucket\.\w+\.bucket\}\?class=DEEP_ARCHIVE",
    ("azure", "cold"): r"\$\{azurerm_storage_account\.\w+\.primary_blob_endpoint\}.+\?tier=Cool",
    ("azure", "archive"): r"\$\{azurerm_storage_account\.\w+\.primary_blob_endpoint\}.+\?tier=Archive",
    ("gcp", "hot"): r"projects/my-project/databases/\$\{google_firestore_database\.\w+\.name\}",
    ("gcp", "cold"): r"gs://\$\{google_storage_bucket\.\w+\.name\}",
    ("gcp", "archive"): r"gs://\$\{google_storage_bucket\.\w+\.name\}",
}


def locations(layout: Layout) -> Locations:
    made: Mapping[str, Any] = {
        name: {"storage_tiers": stack["output"]["storage_tiers"]["value"]}
        for name, stack in stacks(layout).items()
        if name != "links"
    }
    return of_outputs(made)


def check(location: Location | None, tier: str, cloud: Cloud) -> None:
    assert location is not None
    assert (location.tier, location.cloud) == (tier, cloud)
    form = FORMS.get((location.cloud, tier))
    assert form is None or re.fullmatch(form, location.address), location


@pytest.mark.parametrize(
    "layout",
    [
        Layout(AZURE, AZURE, AWS, cold=AZURE, archive=GCP),
        Layout(AZURE, AZURE, GCP, cold=AWS, archive=AZURE),
        Layout(AZURE, AZURE, AZURE, cold=GCP, archive=AWS),
    ],
    ids=str,
)
def test_each_tier_is_told_by_the_stack_of_its_cloud(layout: Layout) -> None:
    found = locations(layout)
    assert layout.cold and layout.archive
    check(found.hot, "hot", layout.l3)
    check(found.cold, "cold", layout.cold)
    check(found.archive, "archive", layout.archive)
    assert [location.tier for location in found.of_files] == ["cold", "archive"]


@pytest.mark.parametrize("cloud", Cloud)
def test_one_bucket_that_rules_archive_is_both_tiers(cloud: Cloud) -> None:
    found = locations(Layout(cloud, cloud, cloud, cold=cloud, archive=cloud))
    check(found.cold, "cold", cloud)
    assert found.cold and found.archive
    assert found.archive == Location("archive", cloud, found.cold.address)
    assert found.of_files == (found.cold,)


def test_a_twin_without_an_archive() -> None:
    found = locations(Layout(AWS, AWS, AWS, cold=AWS))
    assert found.archive is None
    check(found.cold, "cold", AWS)


def test_a_twin_without_a_cold_tier() -> None:
    found = locations(Layout(AWS, AWS, AWS))
    assert (found.cold, found.archive) == (None, None)
