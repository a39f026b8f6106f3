"""What constructs record is what the JSON of the stack says, and nothing is left unrecorded."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from support.read_stacks import STACKS, inventory_of, stack_of
from support.terraform_json import data_sources, resources
from twin_runtime.roles import Cloud
from twinspan.aws import facts as aws
from twinspan.azure import facts as azure
from twinspan.gcp import facts as gcp
from twinspan.inventory import Fact, Part

RECORDED = {
    Cloud.AWS: (
        "aws_api_gateway_integration",
        "aws_iam_role_policy",
        "aws_iot_topic_rule",
        "aws_lambda_event_source_mapping",
        "aws_lambda_function",
        "aws_lambda_function_event_invoke_config",
        "aws_lambda_invocation",
        "aws_lambda_permission",
        "aws_scheduler_schedule",
        "aws_secretsmanager_secret",
        "aws_sqs_queue",
    ),
    Cloud.AZURE: (
        "azapi_resource",
        "azurerm_cosmosdb_sql_container",
        "azurerm_cosmosdb_sql_role_assignment",
        "azurerm_eventgrid_system_topic_event_subscription",
        "azurerm_function_app_flex_consumption",
        "azurerm_key_vault_secret",
        "azurerm_role_assignment",
        "azurerm_storage_queue",
    ),
    Cloud.GCP: (
        r"google_\w+_iam_member",
        "google_cloud_scheduler_job",
        "google_cloudfunctions2_function",
        "google_firestore_database",
        "google_pubsub_subscription",
        "google_pubsub_topic",
        "google_secret_manager_secret",
        "google_service_account",
        "google_workflows_workflow",
    ),
}
"""Types of functions, of what starts them, of what they use and of permissions: each block is recorded."""
NAMES = ("name", "secret_id", "account_id")
FIGURES: Mapping[type[Fact], Mapping[str, str]] = {
    aws.Function: {
        "runtime": "runtime",
        "memory_mb": "memory_size",
        "timeout_s": "timeout",
        "reserved": "reserved_concurrent_executions",
    },
    aws.DeadLetters: {"kept_s": "message_retention_seconds"},
    aws.Queue: {"hidden_s": "visibility_timeout_seconds"},
    aws.Secret: {"description": "description"},
    aws.EventSource: {
        "queue": "event_source_arn",
        "batch": "batch_size",
        "window_s": "maximum_batching_window_in_seconds",
        "concurrency": "scaling_config.maximum_concurrency",
    },
    aws.Rule: {"name": "name", "sql": "sql", "sql_version": "sql_version"},
    aws.Endpoint: {"timeout_ms": "timeout_milliseconds"},
    aws.Clock: {
        "identity": "target.role_arn",
        "schedule": "schedule_expression",
        "input": "target.input",
        "retries": "target.retry_policy.maximum_retry_attempts",
        "age_s": "target.retry_policy.maximum_event_age_in_seconds",
    },
    aws.Invocation: {"input": "input", "scope": "lifecycle_scope"},
    aws.Workspace: {"name": "name"},
    aws.Asynchronous: {
        "retries": "maximum_retry_attempts",
        "age_s": "maximum_event_age_in_seconds",
        "dead_letters": "destination_config.on_failure.destination",
    },
    azure.Function: {
        "memory_mb": "instance_memory_in_mb",
        "instances": "maximum_instance_count",
        "public": "public_network_access_enabled",
    },
    azure.Delivery: {
        "topic": "system_topic",
        "schema": "event_delivery_schema",
        "batch": "azure_function_endpoint.max_events_per_batch",
        "batch_kb": "azure_function_endpoint.preferred_batch_size_in_kilobytes",
        "attempts": "retry_policy.max_delivery_attempts",
        "lifetime_min": "retry_policy.event_time_to_live",
        "dead_letters": "storage_blob_dead_letter_destination.storage_blob_container_name",
    },
    gcp.Function: {
        "runtime": "build_config.runtime",
        "memory_mb": "service_config.available_memory",
        "timeout_s": "service_config.timeout_seconds",
        "cpu": "service_config.available_cpu",
        "concurrency": "service_config.max_instance_request_concurrency",
        "instances": "service_config.max_instance_count",
        "ingress": "service_config.ingress_settings",
    },
    gcp.Subscription: {"topic": "topic", "kept_s": "message_retention_duration", "filter": "filter"},
    gcp.Push: {
        "deadline_s": "ack_deadline_seconds",
        "least_backoff_s": "retry_policy.minimum_backoff",
        "most_backoff_s": "retry_policy.maximum_backoff",
        "attempts": "dead_letter_policy.max_delivery_attempts",
        "dead_letters": "dead_letter_policy.dead_letter_topic",
        "account": "push_config.oidc_token.service_account_email",
    },
    gcp.Clock: {
        "schedule": "schedule",
        "zone": "time_zone",
        "answer_s": "attempt_deadline",
        "account": "http_target.oidc_token.service_account_email",
    },
}
"""By kind of fact: fields, and the arguments of the block that say the same."""
_EACH = re.compile(r"\$\{[^{}]*\beach\.key\b[^{}]*\}")
_ATTRIBUTE = re.compile(r"\$\{(?:one\()?(\w+\.\w+?)(?:\[\*\])?\.\w+\)?\}")
_UNIT = re.compile(r"(\d+)(?:s|Mi)")


def at(body: Mapping[str, Any], path: str) -> str:
    """An argument as it is recorded: references as addresses, numbers without units, `<key>` for each key."""
    found: Any = body
    for part in path.split("."):
        found = found.get(part) if found else None
    text = _ATTRIBUTE.sub(r"\1", _EACH.sub("<key>", str(found or "")))
    return unit[1] if (unit := _UNIT.fullmatch(text)) else text


def figures(fact: Fact) -> Iterator[tuple[str, str]]:
    """The fields of a fact that can be compared, with their arguments."""
    for kind, fields in FIGURES.items():
        if isinstance(fact, kind):
            yield from fields.items()


CALLS_NO_FUNCTION = {"aws_scheduler_schedule.expiry"}
"""It calls DynamoDB; its role and permission are recorded."""


@pytest.mark.parametrize(("number", "cloud"), STACKS)
def test_every_function_trigger_part_and_grant_is_recorded(number: int, cloud: Cloud):
    stack, recorded = stack_of(number, cloud), inventory_of(number, cloud).addresses
    blocks = resources(stack)
    wanted = {each.address for each in blocks if re.fullmatch("|".join(RECORDED[cloud]), each.kind)}
    assert wanted - recorded <= CALLS_NO_FUNCTION
    assert recorded - {each.address for each in (*blocks, *data_sources(stack))} == set()


@pytest.mark.parametrize(("number", "cloud"), STACKS)
def test_recorded_names_and_figures_are_those_of_the_stack(number: int, cloud: Cloud):
    bodies = {each.address: each.body for each in resources(stack_of(number, cloud))}
    for fact in inventory_of(number, cloud).all(Fact):
        body = bodies[fact.address]
        if isinstance(fact, Part) and fact.address != "azurerm_key_vault.twin":
            assert fact.name in {at(body, argument) for argument in NAMES}, fact
        for field, path in figures(fact):
            assert str(getattr(fact, field) or "") == at(body, path), (fact, field)
