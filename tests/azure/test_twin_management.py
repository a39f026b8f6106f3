"""L4 in the Azure stack: the instance, who may do what with it, and the hot store's changes."""

from __future__ import annotations

from typing import Any

import pytest

from support.layouts import Layout, twin_config
from support.terraform_json import resources
from twin_azure import settings
from twinspan.azure import names
from twinspan.azure.hot_storage import CONTRIBUTOR, READER
from twinspan.azure.shared.grants import KEEP_TWINS, READ_TWINS
from twinspan.naming import Names

from .stacks import ALL, REMOTE_TWINS, TWINS, azure_stack, settings_of, stack_of

APP = "azurerm_function_app_flex_consumption"
INSTANCE = "azurerm_digital_twins_instance"
COSMOS_ROLE = "azurerm_cosmosdb_sql_role_assignment"


def named(layout: Layout, kind: str) -> dict[str, dict[str, Any]]:
    return {block.name: block.body for block in resources(azure_stack(layout), kind)}


def registered(layout: Layout) -> list[str]:
    return azure_stack(layout)["provider"]["azurerm"][0]["resource_providers_to_register"]


@pytest.mark.parametrize("layout", [TWINS, REMOTE_TWINS], ids=str)
class TestTheInstance:
    def test_its_name_is_unique_in_the_world(self, layout: Layout) -> None:
        (instance,) = named(layout, INSTANCE).values()
        assert instance["name"] == names.worldwide(Names.of(twin_config(layout)), "graph")

    def test_twin_sync_writes_and_twin_reader_reads(self, layout: Layout) -> None:
        """In the group, which has one instance: Azure takes back no role on what has a lock."""
        roles = {
            name: body["role_definition_name"]
            for name, body in named(layout, "azurerm_role_assignment").items()
            if body["role_definition_name"] in (KEEP_TWINS, READ_TWINS)
            and body["scope"] == "${azurerm_resource_group.twin.id}"
        }
        assert roles == {"twin_sync_keeps_graph": KEEP_TWINS, "twin_reader_reads_graph": READ_TWINS}
        for role in ("twin_sync", "twin_reader"):
            assert (
                settings_of(azure_stack(layout), role)["GRAPH"] == f"https://${{{INSTANCE}.graph.host_name}}"
            )

    def test_its_resource_provider_is_registered(self, layout: Layout) -> None:
        assert "Microsoft.DigitalTwins" in registered(layout)


def test_a_twin_without_the_layer_registers_no_provider_for_it() -> None:
    assert "Microsoft.DigitalTwins" not in registered(ALL)
    assert not named(ALL, INSTANCE)


def test_without_a_read_api_nobody_reads() -> None:
    stack = stack_of(twin_config(TWINS, read_api=False))
    assert not [block for block in resources(stack, APP) if block.name == "twin_reader"]


class TestChanges:
    def test_the_lease_container_lies_beside_the_rows(self) -> None:
        containers = named(TWINS, "azurerm_cosmosdb_sql_container")
        rows, leases = containers["store"], containers["store_leases"]
        assert leases["database_name"] == rows["database_name"]
        # functions-bindings-cosmosdb-v2-trigger: the partition key of leases is the id.
        assert leases["partition_key_paths"] == ["/id"]
        # A lease without an end: a container's default would take it away.
        assert "default_ttl" not in leases

    def test_twin_sync_reads_rows_and_writes_leases_alone(self) -> None:
        account = "${azurerm_cosmosdb_account.store.id}"
        found = {
            body["scope"].rpartition("/")[2]: body["role_definition_id"]
            for name, body in named(TWINS, COSMOS_ROLE).items()
            if name.startswith("twin_sync_")
        }
        assert found == {
            "${azurerm_cosmosdb_sql_container.store.name}": f"{account}/sqlRoleDefinitions/{READER}",
            "${azurerm_cosmosdb_sql_container.store_leases.name}": (
                f"{account}/sqlRoleDefinitions/{CONTRIBUTOR}"
            ),
        }

    def test_the_connection_is_the_app_s_identity(self) -> None:
        given = settings_of(azure_stack(TWINS), "twin_sync")
        assert {name: given[name] for name in settings.CHANGES} == {
            "CHANGES__accountEndpoint": "${azurerm_cosmosdb_account.store.endpoint}",
            "CHANGES__clientId": "${azurerm_user_assigned_identity.twin_sync.client_id}",
            "CHANGES__credential": "managedidentity",
            "CHANGES_CONTAINER": "${azurerm_cosmosdb_sql_container.store.name}",
            "CHANGES_DATABASE": "${azurerm_cosmosdb_sql_database.store.name}",
            "CHANGES_LEASES": "${azurerm_cosmosdb_sql_container.store_leases.name}",
        }

    def test_there_are_none_from_a_store_elsewhere(self) -> None:
        assert not settings_of(azure_stack(REMOTE_TWINS), "twin_sync").keys() & set(settings.CHANGES)
        assert not named(REMOTE_TWINS, "azurerm_cosmosdb_sql_container")

    def test_only_twin_sync_gets_them(self) -> None:
        for role in named(TWINS, APP):
            given = settings_of(azure_stack(TWINS), role).keys()
            assert bool(given & set(settings.CHANGES)) is (role == "twin_sync")
