"""The cold and the archive tier, and what runs by the clock."""

from __future__ import annotations

import re
from typing import Any

import pytest

from support.layouts import Layout, twin_config
from support.terraform_json import Stack, resources
from twin_runtime.roles import SCHEDULES, Role
from twinspan.azure.shared.monitoring import WINDOWS
from twinspan.lifecycle import EVENTS, PARTS, UNDELETE_DAYS

from .stacks import ALL, ARCHIVE, COLD, REMOTE_COLD, TIERS, azure_stack, settings_of, stack_of

RETENTION = twin_config(ALL).retention
FILES = "files"
CONTAINER = "azurerm_storage_container"
each_tier = pytest.mark.parametrize("layout", [TIERS, COLD, ARCHIVE], ids=str)


def days(stack: Stack) -> dict[str, dict[str, int]]:
    """What the lifecycle rules do with files, by the prefix that they are for."""
    policies = resources(stack, "azurerm_storage_management_policy")
    (policy,) = (each for each in policies if each.name == FILES)
    found = {}
    for rule in policy.body["rule"]:
        (prefix,) = rule["filters"]["prefix_match"]
        files = prefix.removeprefix("${azurerm_storage_container.files.name}/")
        found[files] = rule["actions"]["base_blob"]
    return found


def settings(layout: Layout, role: str) -> dict[str, str]:
    return settings_of(azure_stack(layout), role)


@each_tier
def test_a_tier_has_an_account_of_its_own_without_keys(layout: Layout) -> None:
    stack = azure_stack(layout)
    account: dict[str, Any] = stack["resource"]["azurerm_storage_account"][FILES]
    assert account["shared_access_key_enabled"] is False
    assert account["allow_nested_items_to_be_public"] is False
    inside = [
        block.address
        for block in resources(stack, "azurerm_storage_container", "azurerm_storage_queue")
        if block.body["storage_account_id"] == f"${{azurerm_storage_account.{FILES}.id}}"
    ]
    assert inside == [f"azurerm_storage_container.{FILES}"]


@each_tier
def test_an_account_that_can_archive(layout: Layout) -> None:
    """Blob Storage, 'Access tiers': the archive is there with LRS, GRS and RA-GRS. With versions on, every
    deleted file would stay.
    """
    account = azure_stack(layout)["resource"]["azurerm_storage_account"][FILES]
    assert account["account_replication_type"] in ("LRS", "GRS", "RAGRS")
    blobs = account["blob_properties"]
    assert not blobs.get("versioning_enabled")
    assert blobs["delete_retention_policy"] == {"days": UNDELETE_DAYS}
    assert blobs["container_delete_retention_policy"] == {"days": UNDELETE_DAYS}


@each_tier
def test_parts_that_were_left_behind_go_after_a_week(layout: Layout) -> None:
    assert days(azure_stack(layout))[PARTS] == {"delete_after_days_since_modification_greater_than": 7}


def test_a_file_keeps_its_place_when_the_other_tier_moves_to_another_cloud() -> None:
    """Archived files are in the cold tier's container while both tiers are here."""

    def place(layout: Layout) -> list[dict[str, Any]]:
        stack = azure_stack(layout)
        found = [stack["resource"][kind][FILES] for kind in ("azurerm_storage_account", CONTAINER)]
        return [{key: block[key] for key in block.keys() - {"tags", "//"}} for block in found]

    assert place(TIERS) == place(COLD) == place(ARCHIVE)


def test_files_are_archived_and_deleted_by_rule_where_the_archive_is_here() -> None:
    assert days(azure_stack(TIERS))[EVENTS] == {
        "tier_to_archive_after_days_since_modification_greater_than": RETENTION.cold_days,
        "tier_to_archive_after_days_since_last_tier_change_greater_than": 7,
        "delete_after_days_since_modification_greater_than": RETENTION.archive_days,
    }


def test_a_remote_archive_leaves_the_rule_as_the_last_safety_net() -> None:
    assert days(azure_stack(COLD))[EVENTS] == {
        "delete_after_days_since_modification_greater_than": RETENTION.archive_days
    }


def test_a_thawed_file_of_an_archive_goes_back() -> None:
    assert days(azure_stack(ARCHIVE))[EVENTS] == {
        "tier_to_archive_after_days_since_modification_greater_than": 0,
        "tier_to_archive_after_days_since_last_tier_change_greater_than": 7,
        "delete_after_days_since_modification_greater_than": RETENTION.archive_days,
    }


def test_the_tier_of_a_file_is_told_with_the_address() -> None:
    endpoint = "${azurerm_storage_account.files.primary_blob_endpoint}"
    cold = endpoint + "${azurerm_storage_container.files.name}?tier=Cool"
    assert settings(TIERS, "cold_mover")["COLD_STORE"] == cold
    assert settings(TIERS, "hot_reader")["COLD_STORE"] == cold
    assert settings(COLD, "archive_mover")["COLD_STORE"] == cold
    assert settings(ARCHIVE, "archive_writer")["ARCHIVE_STORE"].endswith(
        "${azurerm_storage_container.files.name}?tier=Archive"
    )


def test_who_may_do_what_with_the_files() -> None:
    found = {}
    for layout in (TIERS, COLD, ARCHIVE):
        for block in resources(azure_stack(layout), "azurerm_role_assignment"):
            if re.search(r"storage_container\.files\.", block.body["scope"]):
                found[block.name] = block.body["role_definition_name"]
    assert found == {
        "hot_reader_reads_files": "Storage Blob Data Reader",
        "cold_mover_writes_files": "Storage Blob Data Contributor",
        "cold_writer_writes_files": "Storage Blob Data Contributor",
        "archive_mover_writes_files": "Storage Blob Data Contributor",
        "archive_writer_writes_files": "Storage Blob Data Contributor",
    }


def test_the_mover_may_delete_rows() -> None:
    roles = {
        block.name: block.body["role_definition_id"][-1]
        for block in resources(azure_stack(TIERS), "azurerm_cosmosdb_sql_role_assignment")
    }
    assert roles["cold_mover_moves_store"] == "2"


def test_rows_do_not_expire_where_a_mover_deletes_them() -> None:
    """Without a default, `ttl` of a row has no effect; with -1 it has (Cosmos DB, "Time to live")."""

    def container(layout: Layout) -> dict[str, Any]:
        return azure_stack(layout)["resource"]["azurerm_cosmosdb_sql_container"]["store"]

    assert container(ALL)["default_ttl"] == RETENTION.hot_days * 86_400
    assert "default_ttl" not in container(TIERS) | container(REMOTE_COLD)


def test_a_mover_that_lags_rings() -> None:
    alert = azure_stack(TIERS)["resource"]["azurerm_monitor_scheduled_query_rules_alert_v2"][
        "cold_mover_behind"
    ]
    (criteria,) = alert["criteria"]
    assert 'line.event == "behind"' in criteria["query"]
    assert alert["window_duration"] in WINDOWS.values()


def test_a_link_s_secret_can_have_two_readers() -> None:
    stack = azure_stack(REMOTE_COLD)
    assert stack["output"]["link_cold_reader_principal_ids"]["value"] == {
        role: f"${{azurerm_user_assigned_identity.{role}.principal_id}}"
        for role in ("cold_mover", "hot_reader")
    }
    assert (
        settings(REMOTE_COLD, "hot_reader")["COLD_LINK_SECRET"]
        == settings(REMOTE_COLD, "cold_mover")["LINK_SECRET"]
    )


@pytest.mark.parametrize(("layout", "role"), [(TIERS, Role.COLD_MOVER), (COLD, Role.ARCHIVE_MOVER)], ids=str)
class TestClock:
    def test_the_app_is_told_when_and_in_how_many_parts(self, layout: Layout, role: Role) -> None:
        given, schedule = settings(layout, role), SCHEDULES[role]
        # Functions, timer trigger: NCRONTAB of six fields, the first of seconds.
        assert given["SCHEDULE"] == f"0 {schedule.cron}"
        assert given["PARTITIONS"] == str(schedule.partitions)
        app = azure_stack(layout)["resource"]["azurerm_function_app_flex_consumption"][role]
        assert app["public_network_access_enabled"] is False

    def test_a_failed_run_rings_and_so_does_none(self, layout: Layout, role: Role) -> None:
        alarms = azure_stack(layout)["resource"]["azurerm_monitor_scheduled_query_rules_alert_v2"]
        alarm = alarms[f"{role}_failed"]
        (criteria,) = alarm["criteria"]
        query = criteria["query"]
        assert f'AppRoleName =~ "${{azurerm_function_app_flex_consumption.{role}.name}}"' in query
        # Without `by`, summarize answers one row even for no line at all.
        assert " by " not in query
        assert query.endswith("| where failed > 0 or done == 0")
        windows = {text: minutes for minutes, text in WINDOWS.items()}
        assert windows[alarm["window_duration"]] > 2 * SCHEDULES[role].every_minutes
        assert alarm["depends_on"] == [f"azapi_resource_action.{role}"]


def test_every_rate_has_a_window() -> None:
    assert all(2 * each.every_minutes + 10 <= max(WINDOWS) for each in SCHEDULES.values())


def test_the_alarm_of_a_run_tells_whom_twin_yaml_names() -> None:
    stack = stack_of(twin_config(TIERS, alerts={"email": "ops@example.com"}))
    alarm = stack["resource"]["azurerm_monitor_scheduled_query_rules_alert_v2"]["cold_mover_failed"]
    assert alarm["action"] == {"action_groups": ["${azurerm_monitor_action_group.alerts.id}"]}
