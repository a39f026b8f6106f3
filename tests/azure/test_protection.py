"""What holds data is kept by Terraform and by Azure, and no lock refuses an edit that it does not concern."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support import azure_rules
from support.layouts import Layout, twin_config
from support.stack_changes import changed, put
from support.terraform_json import Resource, Stack, resources
from twin_runtime.roles import Cloud
from twinspan.config import Config
from twinspan.terraform.holdings import Holding, holding

from .stacks import ALL, AZURE_LAYOUTS, azure_stack, stack_of

WHOLE = Layout(*[Cloud.AZURE] * 7)
"""Every layer in Azure."""
LOCKED = {
    "azapi_resource_action.broker_lock": "azurerm_iothub.broker",
    "azapi_resource_action.files_lock": "azurerm_storage_management_policy.files",
    "azapi_resource_action.graph_lock": "azurerm_digital_twins_instance.graph",
    "azapi_resource_action.store_lock": "azurerm_cosmosdb_sql_container.store",
}


def keeps_data(stack: Stack) -> Iterator[Resource]:
    """What is there for good and holds data. A password of an older generation goes when keys are rotated."""
    for block in resources(stack):
        data = holding(block.address) is not Holding.NOTHING
        if data and not block.counted and block.kind != "random_password":
            yield block


def prevented(block: Resource) -> bool:
    return block.body.get("lifecycle", {}).get("prevent_destroy", False)


def fields(layout: Layout) -> list[str]:
    """The layers that are in Azure."""
    return [name for name in layout._fields if getattr(layout, name) is Cloud.AZURE]


def without(layout: Layout, name: str) -> Layout:
    """The layout with a layer elsewhere."""
    return layout._replace(**{name: Cloud.GCP})


def gone(before: Stack, after: Stack) -> set[str]:
    left = {block.address for block in resources(after)}
    return {block.address for block in resources(before)} - left


def azure_of(layout: Layout) -> Stack:
    return azure_stack(layout) if Cloud.AZURE in layout else {}


@pytest.mark.parametrize("layout", [*AZURE_LAYOUTS, WHOLE], ids=str)
class TestEveryLayout:
    def test_terraform_refuses_to_delete_what_holds_data_and_nothing_else(self, layout: Layout) -> None:
        stack = azure_stack(layout)
        kept = {block.address for block in keeps_data(stack)}
        assert kept
        assert {block.address for block in resources(stack) if prevented(block)} == kept

    def test_no_edit_deletes_what_is_below_a_lock_that_stays(self, layout: Layout) -> None:
        """Azure's locks outlive their blocks, so that only the lock's own store is refused with its layer."""
        before = azure_stack(layout)
        scopes = set(azure_rules.locked(before).values())
        switched_off = {block.address for block in resources(before) if block.counted}
        no_readers = gone(before, azure_stack(layout, read_api=False))
        for edit in (switched_off, no_readers):
            assert azure_rules.refused(before, edit) == set()
        for name in fields(layout):
            edit = gone(before, azure_of(without(layout, name)))
            assert azure_rules.refused(before, edit) == scopes & edit, name

    def test_what_has_a_lock_goes_before_the_data(self, layout: Layout) -> None:
        before = azure_stack(layout)
        for lock, scope in azure_rules.locked(before).items():
            name = lock.rpartition(".")[2].removesuffix("_lock")
            data = {block.address for block in keeps_data(before) if block.name == name}
            assert data
            assert data <= azure_rules.needed(before, scope) | {scope}


class TestProtect:
    def stack(self, protect: Any) -> Stack:
        return stack_of(twin_config(WHOLE, protect=protect))

    def test_every_store_has_a_lock(self) -> None:
        stack = azure_stack(WHOLE)
        assert azure_rules.locked(stack) == LOCKED
        lock = stack["resource"]["azapi_resource_action"]["store_lock"]
        assert lock["body"]["properties"] == {
            "level": "CanNotDelete",
            "notes": "Holds the hot_storage of the twin factory.",
        }

    def test_without_protection_nothing_is_prevented_and_locks_are_deleted(self) -> None:
        stack = self.stack(False)
        assert [block.address for block in resources(stack) if prevented(block)] == []
        actions = stack["resource"]["azapi_resource_action"]
        locks = {name: body for name, body in actions.items() if body["type"].startswith(azure_rules.LOCK)}
        assert {f"azapi_resource_action.{name}" for name in locks} == LOCKED.keys()
        assert {(body["method"], "body" in body) for body in locks.values()} == {("DELETE", False)}

    def test_a_layer_loses_its_own_protection_alone(self) -> None:
        whole, stack = azure_stack(WHOLE), self.stack({"hot_storage": False})
        lost = {block.address for block in resources(whole) if prevented(block)} - {
            block.address for block in resources(stack) if prevented(block)
        }
        cosmos = ("account", "sql_container", "sql_database")
        assert lost == {f"azurerm_cosmosdb_{kind}.store" for kind in cosmos}
        assert LOCKED.keys() - azure_rules.locked(stack).keys() == {"azapi_resource_action.store_lock"}


def test_a_role_on_what_has_a_lock_is_found() -> None:
    stack, role = azure_stack(ALL), "azurerm_role_assignment.event_feedback_commands_devices"
    assert azure_rules.refused(stack, {role}) == set()
    on_the_hub = changed(stack, put(f"{role}.scope", "${azurerm_iothub.broker.id}"))
    assert azure_rules.refused(on_the_hub, {role}) == {role}


def former(config: Config) -> dict[str, Resource]:
    return {block.address: block for block in resources(stack_of(config))}


class TestFormer:
    """A store that its layer has left stays at its address and under its name."""

    def blocks(self, layout: Layout, store: str) -> tuple[dict[str, Resource], dict[str, Resource]]:
        before = {block.address: block for block in resources(azure_stack(WHOLE))}
        return before, former(twin_config(layout, former=[store]))

    def test_rows_do_not_expire_and_nothing_is_replaced(self) -> None:
        before, after = self.blocks(WHOLE._replace(l3=Cloud.GCP), "hot_storage@azure")
        container = after["azurerm_cosmosdb_sql_container.store"].body
        assert "default_ttl" not in container
        for kind in ("account", "sql_container", "sql_database"):
            address = f"azurerm_cosmosdb_{kind}.store"
            there, here = (
                {k: v for k, v in one[address].body.items() if k != "//"} for one in (before, after)
            )
            there.pop("default_ttl", None)
            assert here == there
        assert after["azapi_resource_action.store_lock"].body["method"] == "PUT"
        assert "azurerm_cosmosdb_sql_container.store_leases" not in after

    def test_files_are_not_archived_and_nothing_is_replaced(self) -> None:
        layout = WHOLE._replace(cold=Cloud.GCP, archive=Cloud.GCP)
        before, after = self.blocks(layout, "cold_storage@azure")
        for address in ("azurerm_storage_account.files", "azurerm_storage_container.files"):
            there, here = (
                {k: v for k, v in one[address].body.items() if k != "//"} for one in (before, after)
            )
            assert here == there
        rules = after["azurerm_storage_management_policy.files"].body["rule"]
        assert "tier_to_archive" not in str(rules)
        assert after["azapi_resource_action.files_lock"].body["method"] == "PUT"
