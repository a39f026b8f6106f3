"""What changes in a stack changes what the readers say of it, or is refused: no figure is written twice."""

import copy
import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import pytest

from guides import facts
from support.function_blocks import environment
from support.read_stacks import alone, reread, said, stack_of
from support.synth import FUNCTIONS, functions
from support.terraform_json import Stack, resources
from twin_runtime.roles import Cloud, Role

FIGURES = {
    Cloud.AWS: (
        "aws_api_gateway_integration.timeout_milliseconds",
        "aws_api_gateway_method.http_method",
        "aws_api_gateway_resource.path_part",
        "aws_api_gateway_usage_plan.throttle_settings.burst_limit",
        "aws_api_gateway_usage_plan.throttle_settings.rate_limit",
        "aws_iot_topic_rule.sql",
        "aws_lambda_event_source_mapping.batch_size",
        "aws_lambda_event_source_mapping.maximum_batching_window_in_seconds",
        "aws_lambda_event_source_mapping.scaling_config.maximum_concurrency",
        "aws_lambda_function.memory_size",
        "aws_lambda_function.reserved_concurrent_executions",
        "aws_lambda_function.runtime",
        "aws_lambda_function.timeout",
        "aws_lambda_function_event_invoke_config.maximum_event_age_in_seconds",
        "aws_lambda_function_event_invoke_config.maximum_retry_attempts",
        "aws_lambda_invocation.input",
        "aws_scheduler_schedule.schedule_expression",
        "aws_scheduler_schedule.target.input",
        "aws_scheduler_schedule.target.retry_policy.maximum_event_age_in_seconds",
        "aws_scheduler_schedule.target.retry_policy.maximum_retry_attempts",
        "aws_sqs_queue.message_retention_seconds",
        "aws_sqs_queue.redrive_policy",
        "aws_sqs_queue.visibility_timeout_seconds",
    ),
    Cloud.AZURE: (
        "azurerm_eventgrid_system_topic_event_subscription.azure_function_endpoint.max_events_per_batch",
        "azurerm_eventgrid_system_topic_event_subscription.retry_policy.event_time_to_live",
        "azurerm_eventgrid_system_topic_event_subscription.retry_policy.max_delivery_attempts",
        "azurerm_function_app_flex_consumption.app_settings.AzureFunctionsJobHost__functionTimeout",
        "azurerm_function_app_flex_consumption.app_settings.PARTITIONS",
        "azurerm_function_app_flex_consumption.app_settings.PYTHON_THREADPOOL_THREAD_COUNT",
        "azurerm_function_app_flex_consumption.app_settings.SCHEDULE",
        "azurerm_function_app_flex_consumption.instance_memory_in_mb",
        "azurerm_function_app_flex_consumption.maximum_instance_count",
        "azurerm_function_app_flex_consumption.runtime_version",
    ),
    Cloud.GCP: (
        "google_cloud_scheduler_job.attempt_deadline",
        "google_cloud_scheduler_job.schedule",
        "google_cloudfunctions2_function.build_config.runtime",
        "google_cloudfunctions2_function.service_config.available_cpu",
        "google_cloudfunctions2_function.service_config.available_memory",
        "google_cloudfunctions2_function.service_config.max_instance_count",
        "google_cloudfunctions2_function.service_config.max_instance_request_concurrency",
        "google_cloudfunctions2_function.service_config.timeout_seconds",
        "google_pubsub_subscription.ack_deadline_seconds",
        "google_pubsub_subscription.dead_letter_policy.max_delivery_attempts",
        "google_pubsub_subscription.message_retention_duration",
        "google_pubsub_subscription.retry_policy.maximum_backoff",
        "google_pubsub_subscription.retry_policy.minimum_backoff",
    ),
}
"""Figures that a guide states, by type and argument."""
DEAD_LETTERS = {
    Cloud.AWS: (
        "aws_iot_topic_rule.error_action",
        "aws_lambda_function.environment.variables.DEAD_LETTER_QUEUE",
        "aws_lambda_function_event_invoke_config.destination_config",
        "aws_sqs_queue.redrive_policy",
    ),
    Cloud.AZURE: (
        "azurerm_eventgrid_system_topic_event_subscription.storage_blob_dead_letter_destination",
        "azurerm_function_app_flex_consumption.app_settings.DEAD_LETTER_QUEUE",
    ),
    Cloud.GCP: (
        "google_cloudfunctions2_function.service_config.environment_variables.DEAD_LETTER_QUEUE",
        "google_pubsub_subscription.dead_letter_policy",
    ),
}
"""What sends refused messages to where they are kept."""
STARTED_BY = {
    Cloud.AWS: (
        "aws_api_gateway_integration",
        "aws_api_gateway_stage",
        "aws_api_gateway_usage_plan",
        "aws_iot_topic_rule",
        "aws_lambda_event_source_mapping",
        "aws_lambda_function_event_invoke_config",
        "aws_lambda_permission",
        "aws_scheduler_schedule",
    ),
    Cloud.AZURE: ("azurerm_eventgrid_system_topic_event_subscription", "azurerm_storage_queue"),
    Cloud.GCP: (
        "google_cloud_run_v2_service_iam_member",
        "google_cloud_scheduler_job",
        "google_pubsub_subscription",
    ),
}
"""Types without whose blocks a function of the twin is never called, or not as it is now."""


def places(stack: Stack, path: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Where the blocks of a type have an argument: what holds it, and its name there."""
    kind, *arguments, last = path.split(".")
    for block in resources(stack, kind):
        inner: Any = block.body
        for argument in arguments:
            inner = inner.get(argument, {})
        if isinstance(inner, dict) and last in inner:
            yield inner, last


def changed(value: Any) -> Any:
    """Another value of the same kind: the last number in it is one more, or else the text is longer."""
    if isinstance(value, int):
        return value + 1
    numbers = list(re.finditer(r"\d+", value))
    if not numbers:
        return f"{value}-x"
    number = numbers[-1]
    more = str(int(number[0]) + 1).zfill(len(number[0]))
    return value[: number.start()] + more + value[number.end() :]


@pytest.mark.parametrize(
    ("cloud", "path"), [(cloud, path) for cloud, paths in FIGURES.items() for path in paths]
)
def test_a_figure_that_changes_in_the_stack_changes_what_is_said(cloud: Cloud, path: str):
    stack = copy.deepcopy(stack_of(alone(cloud), cloud))
    found = list(places(stack, path))
    assert found
    for holder, argument in found:
        holder[argument] = changed(holder[argument])
    assert reread(cloud, stack) != said(alone(cloud), cloud).functions


@pytest.mark.parametrize(
    ("cloud", "path"), [(cloud, path) for cloud, paths in DEAD_LETTERS.items() for path in paths]
)
def test_dead_letters_that_are_dropped_are_missed(cloud: Cloud, path: str):
    stack = copy.deepcopy(stack_of(alone(cloud), cloud))
    found = list(places(stack, path))
    assert found
    for holder, argument in found:
        del holder[argument]
    before = {role: function.dead_letters for role, function in said(alone(cloud), cloud).functions.items()}
    try:
        after = {role: function.dead_letters for role, function in reread(cloud, stack).items()}
    except KeyError as refused:
        assert " " in str(refused)  # a sentence, and not the name of what is missing
    else:
        assert after != before


@pytest.mark.parametrize(
    ("cloud", "kind"), [(cloud, kind) for cloud, kinds in STARTED_BY.items() for kind in kinds]
)
def test_a_trigger_that_is_dropped_is_missed(cloud: Cloud, kind: str):
    stack = copy.deepcopy(stack_of(alone(cloud), cloud))
    del stack["resource"][kind]
    with pytest.raises(KeyError, match=" "):
        reread(cloud, stack)


@pytest.mark.parametrize(
    ("cloud", "kind"),
    [
        (cloud, kind)
        for cloud, kinds in STARTED_BY.items()
        for kind in (*kinds, FUNCTIONS[cloud])
        if kind != "azurerm_storage_queue"
    ],
)
def test_an_argument_that_nobody_knows_is_refused(cloud: Cloud, kind: str):
    stack = copy.deepcopy(stack_of(alone(cloud), cloud))
    for block in stack["resource"][kind].values():
        block["made_up"] = 1
    with pytest.raises(KeyError, match="made_up"):
        reread(cloud, stack)


@pytest.mark.parametrize("cloud", list(Cloud))
def test_one_function_that_is_changed_changes_alone(cloud: Cloud):
    number = alone(cloud)
    stack = copy.deepcopy(stack_of(number, cloud))
    environment(functions(stack, cloud)[Role.PROCESSOR], cloud)["TWIN_MOOD"] = "calm"
    before, after = said(number, cloud).functions, reread(cloud, stack)
    (processor,) = (role for role in before if before[role] != after[role])
    assert processor is Role.PROCESSOR
    mood = facts.Variable("TWIN_MOOD", "calm", optional=False)
    variables = sorted((*before[processor].environment, mood), key=lambda each: each.name)
    assert after[processor] == dataclasses.replace(before[processor], environment=tuple(variables))
