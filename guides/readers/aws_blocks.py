"""The arguments that the guides know of each type that says how functions are called and what they may do."""

from collections.abc import Mapping
from typing import Any

from twinspan.terraform.stackjson import Block, Blocks

_COMMON = frozenset({"//", "count", "for_each", "depends_on", "tags", "name"})
_ARGUMENTS: Mapping[str, str] = {
    "aws_api_gateway_integration": "rest_api_id resource_id http_method type integration_http_method uri "
    "timeout_milliseconds",
    "aws_api_gateway_method": "rest_api_id resource_id http_method authorization api_key_required",
    "aws_api_gateway_rest_api": "description endpoint_configuration binary_media_types",
    "aws_api_gateway_stage": "rest_api_id deployment_id stage_name",
    "aws_api_gateway_usage_plan": "api_stages throttle_settings",
    "aws_iam_role": "assume_role_policy",
    "aws_iam_role_policy": "role policy",
    "aws_iot_topic_rule": "enabled sql sql_version lambda error_action",
    "aws_iot_topic_rule.error_action": "sqs",
    "aws_lambda_event_source_mapping": "event_source_arn function_name batch_size function_response_types "
    "maximum_batching_window_in_seconds scaling_config",
    "aws_lambda_function": "function_name role runtime architectures handler filename source_code_hash "
    "memory_size timeout reserved_concurrent_executions environment logging_config",
    "aws_lambda_function.environment": "variables",
    "aws_lambda_function_event_invoke_config": "function_name maximum_retry_attempts "
    "maximum_event_age_in_seconds destination_config",
    "aws_lambda_function_event_invoke_config.destination_config": "on_failure",
    "aws_lambda_invocation": "function_name input lifecycle_scope",
    "aws_lambda_permission": "statement_id action function_name principal source_arn",
    "aws_scheduler_schedule": "group_name flexible_time_window schedule_expression target",
    "aws_scheduler_schedule.target": "arn input role_arn retry_policy",
    "aws_sqs_queue": "message_retention_seconds max_message_size receive_wait_time_seconds redrive_policy "
    "visibility_timeout_seconds sqs_managed_sse_enabled redrive_allow_policy",
}
"""By type, or by type and argument: what may stand there."""


def check(blocks: Blocks) -> None:
    """KeyError when a block has an argument that no sentence of a guide tells of or allows for."""
    for block in blocks.resources:
        if block.kind in _ARGUMENTS:
            _check(block, block.kind, block.body)


def _check(block: Block, place: str, body: Mapping[str, Any]) -> None:
    if more := sorted(set(body) - _COMMON - set(_ARGUMENTS[place].split())):
        raise KeyError(f"{block.address} has {', '.join(more)}, which the guides do not know")
    for argument, inner in body.items():
        if f"{place}.{argument}" in _ARGUMENTS:
            _check(block, f"{place}.{argument}", inner)
