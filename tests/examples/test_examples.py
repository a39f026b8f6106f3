"""Every example against its inventory: counts per type, chosen values, what must be absent."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from support.inventory import EXAMPLES, REGENERATE, counts, recorded
from support.synth import Stack, stacks_of
from support.terraform_json import resources
from twinspan.twinfile import checked


class Inventory(NamedTuple):
    """`values`: stack, address and path to a value. `absent`: types that no stack has."""

    stacks: set[str]
    events: bool
    values: dict[tuple[str, str, str], Any]
    absent: set[str] = frozenset()  # pyright: ignore[reportAssignmentType]


REMOTE = {"aws_secretsmanager_secret", "azurerm_key_vault_secret", "random_password"}
OTHER_CLOUD = {
    "aws_lambda_function",
    "azurerm_function_app_flex_consumption",
    "google_cloudfunctions2_function",
}

INVENTORIES = {
    "single-aws": Inventory(
        {"aws"},
        True,
        {
            ("aws", "aws_lambda_function.dispatcher", "function_name"): "pumps-dispatcher",
            ("aws", "aws_dynamodb_table.hot", "billing_mode"): "PAY_PER_REQUEST",
            ("aws", "aws_api_gateway_method.hot_reader", "api_key_required"): True,
            ("aws", "aws_sqs_queue.processing_dead", "message_retention_seconds"): 1209600,
            ("aws", "aws_lambda_function.twin_connector", "handler"): "twin_aws.entry.twin_connector",
            (
                "aws",
                "aws_lambda_function.cold_mover",
                "environment.variables.STORE",
            ): "${aws_dynamodb_table.hot.name}",
        },
        {"azurerm_key_vault_secret", "random_password", "aws_lambda_function_url"}
        | OTHER_CLOUD - {"aws_lambda_function"},
    ),
    "single-azure": Inventory(
        {"azure"},
        True,
        {
            ("azure", "azurerm_cosmosdb_account.store", "local_authentication_disabled"): True,
            (
                "azure",
                "azurerm_function_app_flex_consumption.processor",
                "public_network_access_enabled",
            ): False,
            ("azure", "azurerm_storage_queue.processing_dead", "name"): "pumps-processing-poison",
        },
        REMOTE | {"azurerm_key_vault"} | OTHER_CLOUD - {"azurerm_function_app_flex_consumption"},
    ),
    "single-gcp": Inventory(
        {"gcp"},
        True,
        {
            ("gcp", "google_firestore_database.hot", "type"): "FIRESTORE_NATIVE",
            (
                "gcp",
                "google_cloudfunctions2_function.processor",
                "service_config.ingress_settings",
            ): "ALLOW_INTERNAL_ONLY",
            (
                "gcp",
                "google_cloudfunctions2_function.hot_reader",
                "service_config.ingress_settings",
            ): "ALLOW_ALL",
        },
        {"aws_secretsmanager_secret", "azurerm_key_vault_secret"}
        | OTHER_CLOUD - {"google_cloudfunctions2_function"},
    ),
    "three-clouds": Inventory(
        {"aws", "azure", "gcp", "links"},
        True,
        {
            ("aws", "aws_lambda_function.connector", "handler"): "twin_aws.entry.connector",
            ("aws", "aws_api_gateway_rest_api.event_feedback", "count"): "${var.enable_events ? 1 : 0}",
            (
                "azure",
                "azurerm_function_app_flex_consumption.ingestion",
                "app_settings.TWIN_ROLE",
            ): "ingestion",
            (
                "gcp",
                "google_cloudfunctions2_function.writer",
                "service_config.environment_variables.TWIN_ROLE",
            ): "writer",
        },
        {"aws_dynamodb_table", "azurerm_cosmosdb_account", "azurerm_iothub", "google_workflows_workflow"},
    ),
    "leaving": Inventory(
        {"aws", "azure", "gcp", "links"},
        True,
        {
            ("aws", "aws_lambda_function.cold_writer", "handler"): "twin_aws.entry.cold_writer",
            (
                "gcp",
                "google_cloudfunctions2_function.hot_reader",
                "service_config.environment_variables.API_KEY_READS",
            ): "true",
            (
                "azure",
                "azurerm_function_app_flex_consumption.dashboard_sync",
                "public_network_access_enabled",
            ): False,
        },
        {"azurerm_digital_twins_instance", "azurerm_cosmosdb_account", "google_cloud_run_v2_service"},
    ),
    "cycle": Inventory(
        {"aws", "azure", "links"},
        False,
        {
            ("aws", "aws_lambda_function.writer", "function_name"): "greenhouse-writer",
            ("azure", "azurerm_function_app_flex_consumption.ingestion", "https_only"): True,
        },
        {"azurerm_cosmosdb_account", "azurerm_iothub", "google_cloudfunctions2_function"},
    ),
    "cycle-feedback": Inventory(
        {"aws", "azure", "links"},
        True,
        {
            (
                "azure",
                "azapi_resource.workflow",
                "body.properties.definition.actions.open_ticket.type",
            ): "Http",
            ("azure", "azapi_resource.workflow", "count"): "${var.enable_events ? 1 : 0}",
        },
        {"azurerm_cosmosdb_account", "azurerm_iothub", "aws_sfn_state_machine"},
    ),
    "events-off": Inventory(
        {"aws", "azure", "gcp", "links"},
        False,
        {
            ("aws", "aws_lambda_function.event_checker", "count"): "${var.enable_events ? 1 : 0}",
            ("aws", "aws_sfn_state_machine.workflow", "name"): "harbour-workflow",
            ("gcp", "google_cloudfunctions2_function.dispatcher", "name"): "harbour-dispatcher",
        },
        {"aws_iot_topic_rule", "azurerm_iothub", "google_firestore_database"},
    ),
}


@pytest.fixture(scope="module", params=EXAMPLES, ids=lambda path: path.stem)
def example(request: pytest.FixtureRequest) -> tuple[Path, dict[str, Stack]]:
    """An example and its stacks."""
    return request.param, stacks_of(checked(request.param))


def test_every_example_has_an_inventory() -> None:
    assert {path.stem for path in EXAMPLES} == set(INVENTORIES)


def test_counts(example: tuple[Path, dict[str, Stack]]) -> None:
    path, stacks = example
    assert counts(stacks) == recorded(path), f"if the change is meant, run: {REGENERATE}"


def test_stacks_and_flag(example: tuple[Path, dict[str, Stack]]) -> None:
    path, stacks = example
    inventory = INVENTORIES[path.stem]
    assert set(stacks) == inventory.stacks
    assert {stack["variable"]["enable_events"]["default"] for stack in stacks.values()} == {inventory.events}


def test_chosen_values(example: tuple[Path, dict[str, Stack]]) -> None:
    path, stacks = example
    for (stack, address, where), expected in INVENTORIES[path.stem].values.items():
        kind, name = address.split(".")
        value: Any = stacks[stack]["resource"][kind][name]
        for word in where.split("."):
            value = value[word]
        assert value == expected, f"{stack} {address}.{where}"


def test_what_must_be_absent(example: tuple[Path, dict[str, Stack]]) -> None:
    path, stacks = example
    present = {block.kind for stack in stacks.values() for block in resources(stack)}
    assert not present & INVENTORIES[path.stem].absent
