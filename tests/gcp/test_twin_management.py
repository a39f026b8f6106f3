"""L4 in the Google Cloud stack: the graph's database, its indexes, and who may use it."""

from __future__ import annotations

from typing import Any

import pytest

from support.layouts import Layout
from support.terraform_json import resources

from .stacks import ALL, REMOTE_TWINS, TWINS, gcp_stack

DATABASE = "google_firestore_database"
MEMBER = "google_project_iam_member"
each_layout = pytest.mark.parametrize("layout", [TWINS, REMOTE_TWINS], ids=str)


def named(layout: Layout, kind: str) -> dict[str, dict[str, Any]]:
    return {block.name: block.body for block in resources(gcp_stack(layout), kind)}


@each_layout
def test_the_graph_has_a_database_of_its_own(layout: Layout) -> None:
    database = named(layout, DATABASE)["graph"]
    assert database["name"] == "factory-graph-europe-west1"
    # Made anew from twin.yaml and the hot store.
    assert database["point_in_time_recovery_enablement"] == "POINT_IN_TIME_RECOVERY_DISABLED"
    services = resources(gcp_stack(layout), "google_project_service")[0].body["for_each"]
    assert '"firestore"' in services


@each_layout
def test_twin_sync_writes_and_twin_reader_reads_this_database_alone(layout: Layout) -> None:
    expression = 'resource.name == "projects/my-project/databases/factory-graph-europe-west1"'
    roles = {
        name: body["role"]
        for name, body in named(layout, MEMBER).items()
        if body.get("condition", {}).get("expression") == expression
    }
    assert roles == {
        "graph_twin_sync": "roles/datastore.user",
        "graph_twin_reader": "roles/datastore.viewer",
    }
    for role in ("twin_sync", "twin_reader"):
        function = named(layout, "google_cloudfunctions2_function")[role]
        environment = function["service_config"]["environment_variables"]
        assert environment["GRAPH"] == f"projects/my-project/databases/${{{DATABASE}.graph.name}}"


def test_of_the_hot_store_twin_sync_reads_alone() -> None:
    assert named(TWINS, MEMBER)["store_twin_sync"]["role"] == "roles/datastore.viewer"
    assert "store_twin_sync" not in named(REMOTE_TWINS, MEMBER)


def test_the_queries_have_their_composite_indexes() -> None:
    found = {
        (index["collection"], *(field["field_path"] for field in index["fields"]))
        for index in named(TWINS, "google_firestore_index").values()
        if index["database"] == f"${{{DATABASE}.graph.name}}"
    }
    assert found == {
        ("twins", "type", "key"),
        ("relationships", "source", "key"),
        ("relationships", "target", "key"),
    }


def test_measured_values_have_no_indexes() -> None:
    fields = {
        field["field"]: field
        for field in named(TWINS, "google_firestore_field").values()
        if field["collection"] == "twins"
    }
    assert fields["*"]["index_config"] == {}
    assert fields["key"]["index_config"] == {"indexes": [{"order": "ASCENDING"}]}
    assert fields["key"]["depends_on"] == ["google_firestore_field.twins_all"]


def test_a_twin_without_the_layer_has_no_such_database() -> None:
    assert "graph" not in named(ALL, DATABASE)
