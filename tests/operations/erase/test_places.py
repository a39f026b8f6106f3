"""What holds readings, by the outputs of stacks: written by hand, and synthesized."""

from __future__ import annotations

from typing import Any

import pytest

from operations.erase.places import of_outputs
from operations.errors import UsageError
from operations.restore.locations import Location
from support.layouts import Layout
from support.synth import stacks
from twin_runtime.roles import Cloud
from twinspan.lifecycle import RESTORABLE_DAYS

AWS, AZURE, GCP = Cloud.AWS, Cloud.AZURE, Cloud.GCP
TIERS = {
    "hot": {"cloud": "aws", "address": "table"},
    "cold": {"cloud": "aws", "address": "s3://b?class=STANDARD_IA"},
    "archive": {"cloud": "aws", "address": "s3://b?class=DEEP_ARCHIVE"},
}
HERE = {"storage_tiers": TIERS, "device_values": {"rule_state": None}}


def test_one_bucket_is_listed_once() -> None:
    found = of_outputs({"aws": HERE})
    assert found.hot == (Location("hot", "aws", "table"),)
    assert found.files == (Location("cold", "aws", "s3://b?class=STANDARD_IA"),)
    assert (found.graph, found.rules) == (None, None), "the event system is off"


def test_stores_that_layers_have_left_are_searched_too() -> None:
    graph = {"graph": {"cloud": "gcp", "address": "g"}, "rule_state": {"cloud": "gcp", "address": "s"}}
    former = {"hot_storage": "projects/p/databases/d", "cold_storage": "gs://f", "archive_storage": "gs://f"}
    gcp = {
        "storage_tiers": {},
        "device_values": {"value": graph, "sensitive": False},
        "former_stores": {"value": former, "sensitive": False},
    }
    found = of_outputs({"aws": HERE, "gcp": gcp})
    assert found.hot == (
        Location("hot", "aws", "table"),
        Location("hot", "gcp", "projects/p/databases/d"),
    )
    assert [each.address for each in found.files] == ["s3://b?class=STANDARD_IA", "gs://f"]
    assert found.graph == Location("graph", "gcp", "g")
    assert found.rules == Location("rule_state", "gcp", "s")
    assert len(found.all) == 6


@pytest.mark.parametrize(
    ("output", "value", "words"),
    [
        ("device_values", None, "The stack aws has no output device_values: synthesize and deploy it"),
        ("device_values", {"shadow": {"cloud": "aws", "address": "x"}}, "does not know the entry shadow"),
        ("device_values", {"graph": {"cloud": "gcp", "address": "x"}}, "does not know the entry graph"),
        ("former_stores", {"acquisition": "x"}, "does not know the entry acquisition"),
        ("former_stores", "x", "is not an object of addresses"),
    ],
)
def test_outputs_of_another_version(output: str, value: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        of_outputs({"aws": {**HERE, output: value}})


@pytest.mark.matrix
@pytest.mark.parametrize("cloud", Cloud)
def test_synthesized_stacks_tell_graph_and_state(cloud: Cloud) -> None:
    layout = Layout(cloud, cloud, cloud, cold=cloud, archive=cloud, l4=cloud)
    stack = stacks(layout)[cloud]
    value = stack["output"]["device_values"]["value"]
    state = value["rule_state"]
    assert state.startswith("${var.enable_events ? {cloud = ")
    forms = {
        AWS: "factory-graph",
        AZURE: "https://${azurerm_digital_twins_instance.",
        GCP: "projects/my-project/",
    }
    assert value["graph"]["address"].startswith(forms[cloud])
    found = of_outputs(
        {
            cloud: {name: each["value"] for name, each in stack["output"].items()}
            | {"device_values": {**value, "rule_state": None}}
        }
    )
    assert found.graph == Location("graph", cloud, value["graph"]["address"])


@pytest.mark.matrix
def test_the_days_of_backups_are_those_of_the_stacks() -> None:
    """DynamoDB's 35 days and Firestore's 7 are the services' own, where recovery is on."""
    layout = Layout(AZURE, AZURE, AZURE)
    (account,) = stacks(layout)[AZURE]["resource"]["azurerm_cosmosdb_account"].values()
    assert account["backup"]["tier"] == f"Continuous{RESTORABLE_DAYS[AZURE]}Days"
    table = stacks(Layout(AWS, AWS, AWS))[AWS]["resource"]["aws_dynamodb_table"]["hot"]
    assert table["point_in_time_recovery"]["enabled"] is True
    assert "recovery_period_in_days" not in table["point_in_time_recovery"]
    database = stacks(Layout(GCP, GCP, GCP))[GCP]["resource"]["google_firestore_database"]["hot"]
    assert database["point_in_time_recovery_enablement"] == "POINT_IN_TIME_RECOVERY_ENABLED"
