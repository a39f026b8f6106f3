"""The values that each part of the AWS stack is made with."""

import json
from base64 import b64decode
from typing import Any

import pytest

from twin_runtime.roles import ROLES, Role
from twinspan.sizing import DEAD_LETTER_DAYS, MAX_RECEIVES
from twinspan.terraform.resources import generations

Stack = dict[str, Any]
WITHOUT_TAGS = {
    "aws_api_gateway_deployment",
    "aws_api_gateway_gateway_response",
    "aws_api_gateway_integration",
    "aws_api_gateway_method",
    "aws_api_gateway_resource",
    "aws_api_gateway_usage_plan_key",
    "aws_grafana_role_association",
    "aws_grafana_workspace_service_account",
    "aws_iam_role_policy",
    "aws_iot_thing",
    "aws_lambda_function_event_invoke_config",
    "aws_lambda_permission",
    "aws_lambda_invocation",
    "aws_s3_bucket_cors_configuration",
    "aws_s3_bucket_lifecycle_configuration",
    "aws_s3_bucket_ownership_controls",
    "aws_s3_bucket_policy",
    "aws_s3_bucket_public_access_block",
    "aws_s3_bucket_server_side_encryption_configuration",
    "aws_s3_bucket_versioning",
    "terraform_data",
    "aws_cloudwatch_log_metric_filter",
    "aws_scheduler_schedule",
    "aws_sqs_queue_policy",
    "aws_sqs_queue_redrive_allow_policy",
}


def policy(stack: Stack, name: str) -> list[dict[str, Any]]:
    return json.loads(stack["resource"]["aws_iam_role_policy"][name]["policy"])["Statement"]


def policies_of(stack: Stack, role: str) -> set[str]:
    return {
        block["name"]
        for block in stack["resource"]["aws_iam_role_policy"].values()
        if f"aws_iam_role.{role}." in block["role"] or f"aws_iam_role.{role}[" in block["role"]
    }


def test_a_queue_has_dead_letters_that_only_it_may_fill(whole: Stack) -> None:
    queues = whole["resource"]["aws_sqs_queue"]
    queue, dead = queues["processing"], queues["processing_dead"]
    assert json.loads(queue["redrive_policy"]) == {
        "deadLetterTargetArn": "${aws_sqs_queue.processing_dead.arn}",
        "maxReceiveCount": MAX_RECEIVES,
    }
    assert queue["visibility_timeout_seconds"] == 6 * 60 + 1
    assert queue["receive_wait_time_seconds"] == 20
    assert dead["message_retention_seconds"] == DEAD_LETTER_DAYS * 86400 > queue["message_retention_seconds"]
    allowed = whole["resource"]["aws_sqs_queue_redrive_allow_policy"]["processing"]
    assert allowed["queue_url"] == "${aws_sqs_queue.processing_dead.url}"
    assert json.loads(allowed["redrive_allow_policy"]) == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": ["${aws_sqs_queue.processing.arn}"],
    }


def test_no_queue_may_fill_dead_letters_without_a_source(whole: Stack) -> None:
    queue = whole["resource"]["aws_sqs_queue"]["telemetry_dead"]
    assert json.loads(queue["redrive_allow_policy"]) == {"redrivePermission": "denyAll"}


@pytest.mark.parametrize("fixture", ["whole", "devices", "processing", "storage"])
def test_every_queue_is_encrypted_and_refuses_plain_http(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    resources = request.getfixturevalue(fixture)["resource"]
    for name, queue in resources["aws_sqs_queue"].items():
        assert queue["sqs_managed_sse_enabled"] is True
        assert queue["max_message_size"] == 262144
        statement = json.loads(resources["aws_sqs_queue_policy"][name]["policy"])["Statement"][0]
        assert (statement["Effect"], statement["Condition"]) == (
            "Deny",
            {"Bool": {"aws:SecureTransport": "false"}},
        )


@pytest.mark.parametrize("fixture", ["whole", "devices", "processing", "storage"])
def test_every_dead_letter_queue_has_an_alarm(fixture: str, request: pytest.FixtureRequest) -> None:
    resources = request.getfixturevalue(fixture)["resource"]
    dead = {name for name in resources["aws_sqs_queue"] if name.endswith("_dead")}
    alarms = {
        name: alarm
        for name, alarm in resources["aws_cloudwatch_metric_alarm"].items()
        if not name.endswith("_refusals")
    }
    assert set(alarms) == dead
    for name, alarm in alarms.items():
        assert alarm["dimensions"] == {"QueueName": resources["aws_sqs_queue"][name]["name"]}
        assert alarm["metric_name"] == "ApproximateNumberOfMessagesVisible"
        assert (alarm["threshold"], alarm["comparison_operator"]) == (0, "GreaterThanThreshold")
        assert alarm["treat_missing_data"] == "notBreaching"
        assert alarm.get("count") == resources["aws_sqs_queue"][name].get("count")


def test_a_function_of_a_queue(whole: Stack) -> None:
    function = whole["resource"]["aws_lambda_function"]["processor"]
    assert function["handler"] == "twin_aws.entry.processor"
    assert (function["runtime"], function["architectures"]) == ("python3.13", ["arm64"])
    assert function["memory_size"] == ROLES[Role.PROCESSOR].memory_mb
    assert "reserved_concurrent_executions" not in function
    assert len(b64decode(function["source_code_hash"])) == 32
    mapping = whole["resource"]["aws_lambda_event_source_mapping"]["processor"]
    assert mapping["event_source_arn"] == "${aws_sqs_queue.processing.arn}"
    assert mapping["function_response_types"] == ["ReportBatchItemFailures"]
    assert mapping["scaling_config"] == {"maximum_concurrency": ROLES[Role.PROCESSOR].max_concurrency}
    assert (mapping["batch_size"], mapping["maximum_batching_window_in_seconds"]) == (50, 1)


def test_a_function_that_is_called_reserves_its_concurrency(whole: Stack, processing: Stack) -> None:
    for stack, role in ((whole, Role.DISPATCHER), (whole, Role.HOT_READER), (processing, Role.INGESTION)):
        function = stack["resource"]["aws_lambda_function"][role]
        assert function["reserved_concurrent_executions"] == ROLES[role].max_concurrency
        assert role not in stack["resource"]["aws_lambda_event_source_mapping"]


@pytest.mark.parametrize("fixture", ["whole", "devices", "processing", "storage", "tiers", "cold", "archive"])
def test_every_function_has_an_identity_and_a_log_of_its_own(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    stack = request.getfixturevalue(fixture)
    resources = stack["resource"]
    for role, function in resources["aws_lambda_function"].items():
        optional = "count" in function
        at = f"one(aws_iam_role.{role}[*].arn)" if optional else f"aws_iam_role.{role}.arn"
        assert function["role"] == f"${{{at}}}"
        log = resources["aws_cloudwatch_log_group"][role]
        assert log["name"] == f"/aws/lambda/{function['function_name']}"
        assert log["retention_in_days"] == 30
        (needed,) = function["depends_on"]
        writes = policy(stack, needed.removeprefix("aws_iam_role_policy."))[0]
        assert writes["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
        assert len(writes["Resource"]) == 1
        assert f"aws_cloudwatch_log_group.{role}" in writes["Resource"][0]


def test_what_each_function_may(whole: Stack, devices: Stack, processing: Stack, storage: Stack) -> None:
    assert policies_of(whole, "dispatcher") == {"log", "send-to-processing", "send-to-telemetry-dead"}
    assert policies_of(whole, "processor") == {
        "log-and-consume",
        "send-to-persisting",
        "send-to-processing-dead",
    }
    assert policies_of(whole, "persister") == {
        "log-and-consume",
        "send-to-persisting-dead",
        "send-to-events",
        "write-store",
    }
    assert policies_of(whole, "hot_reader") == {"log", "read-store"}
    assert policies_of(whole, "event_checker") == {
        "log-and-consume",
        "send-to-events-dead",
        "send-to-commands",
        "start-workflow",
        "write-state",
    }
    assert policies_of(whole, "event_feedback") == {
        "log-and-consume",
        "send-to-commands-dead",
        "publish-commands",
    }
    assert policies_of(devices, "connector") == {
        "log-and-consume",
        "read-link-telemetry",
        "send-to-processing-dead",
    }
    assert policies_of(devices, "event_feedback") == {
        "log",
        "read-link-feedback",
        "send-to-commands-dead",
        "publish-commands",
    }
    assert policies_of(processing, "ingestion") == {
        "log",
        "read-link-telemetry",
        "send-to-processing",
        "send-to-processing-dead",
    }
    assert policies_of(storage, "writer") == {"log", "read-link-write", "send-to-writing-dead", "write-store"}


def test_the_permissions_are_those_of_the_calls(whole: Stack, devices: Stack) -> None:
    actions = {
        name: [action for statement in policy(whole, name) for action in statement["Action"]]
        for name in whole["resource"]["aws_iam_role_policy"]
    }
    assert actions["hot_reader_read_store"] == ["dynamodb:Query"]
    assert actions["persister_write_store"] == [
        "dynamodb:PartiQLInsert",
        "dynamodb:BatchGetItem",
        "dynamodb:BatchWriteItem",
    ]
    assert actions["event_checker_start_workflow"] == ["states:StartExecution"]
    assert actions["event_feedback_publish_commands"] == ["iot:Publish"]
    assert actions["processor_send_to_persisting"] == ["sqs:SendMessage"]
    (secret,) = policy(devices, "connector_read_link_telemetry")
    assert secret["Action"] == ["secretsmanager:GetSecretValue"]
    assert secret["Resource"] == ["${aws_secretsmanager_secret.link_telemetry.arn}"]
    (publish,) = policy(whole, "event_feedback_publish_commands")
    assert publish["Resource"][0].endswith(":topic/factory/devices/*/commands")


def test_an_endpoint_asks_for_a_key_and_leaves_the_body_alone(processing: Stack) -> None:
    resources = processing["resource"]
    method = resources["aws_api_gateway_method"]["ingestion"]
    assert (method["http_method"], method["api_key_required"]) == ("POST", True)
    api = resources["aws_api_gateway_rest_api"]["ingestion"]
    assert api["endpoint_configuration"] == {"types": ["REGIONAL"]}
    assert api["binary_media_types"] == ["*/*"]
    integration = resources["aws_api_gateway_integration"]["ingestion"]
    assert (integration["type"], integration["timeout_milliseconds"]) == ("AWS_PROXY", 29000)
    bad_key = resources["aws_api_gateway_gateway_response"]["ingestion_bad_key"]
    assert (bad_key["response_type"], bad_key["status_code"]) == ("INVALID_API_KEY", "401")
    permission = resources["aws_lambda_permission"]["ingestion"]
    assert permission["source_arn"] == "${aws_api_gateway_rest_api.ingestion.execution_arn}/*/POST/ingestion"
    assert processing["output"]["ingestion_url"]["value"] == (
        "${aws_api_gateway_stage.ingestion.invoke_url}/ingestion"
    )


def test_a_reader_asks_by_get(storage: Stack) -> None:
    assert storage["resource"]["aws_api_gateway_method"]["hot_reader"]["http_method"] == "GET"
    assert storage["output"]["telemetry_api_url"]["value"].endswith("/hot-reader")


def test_two_generations_of_keys_are_valid_and_the_newer_is_published(storage: Stack) -> None:
    resources = storage["resource"]
    key = resources["aws_api_gateway_api_key"]["writer"]
    assert key["for_each"] == generations()
    assert "value" not in key  # AWS makes it
    assert (
        resources["aws_api_gateway_usage_plan_key"]["writer"]["for_each"]
        == "${aws_api_gateway_api_key.writer}"
    )
    output = storage["output"]["writer_api_key"]
    assert output["sensitive"] is True
    assert output["value"] == "${aws_api_gateway_api_key.writer[tostring(var.key_generation)].value}"


def test_remote_feedback_is_optional_as_a_whole(devices: Stack) -> None:
    for kind, blocks in devices["resource"].items():
        for name, block in blocks.items():
            if "feedback" in name or name == "commands_dead":
                assert "enable_events" in block.get("count", block.get("for_each", "")) or (
                    kind == "aws_api_gateway_usage_plan_key"
                )
    outputs = devices["output"]
    assert outputs["event_feedback_url"]["value"] == (
        '${one(formatlist("%s/event-feedback", aws_api_gateway_stage.event_feedback[*].invoke_url))}'
    )
    assert outputs["event_feedback_api_key"]["value"].startswith(
        "${try(aws_api_gateway_api_key.event_feedback["
    )


def test_a_links_secret_is_empty_and_can_come_back(devices: Stack) -> None:
    secret = devices["resource"]["aws_secretsmanager_secret"]["link_telemetry"]
    assert secret["name"] == "factory-link-telemetry"
    assert secret["recovery_window_in_days"] == 0
    assert "aws_secretsmanager_secret_version" not in devices["resource"]
    assert (
        devices["output"]["link_telemetry_secret"]["value"]
        == "${aws_secretsmanager_secret.link_telemetry.arn}"
    )


def test_a_local_twin_has_no_secret_and_one_endpoint(whole: Stack) -> None:
    assert "aws_secretsmanager_secret" not in whole["resource"]
    assert set(whole["resource"]["aws_api_gateway_rest_api"]) == {"hot_reader"}


def test_the_store(whole: Stack) -> None:
    table = whole["resource"]["aws_dynamodb_table"]["hot"]
    assert (table["hash_key"], table["range_key"], table["billing_mode"]) == (
        "device",
        "key",
        "PAY_PER_REQUEST",
    )
    assert table["ttl"] == {"attribute_name": "expires", "enabled": True}
    assert table["point_in_time_recovery"] == {"enabled": True}
    assert table["server_side_encryption"] == {"enabled": True}


def test_the_checker_alone_keeps_the_rules_state(whole: Stack) -> None:
    """aws_dynamodb_table: hash_key and attribute name the key alone. With deletion_protection_enabled, the
    event system could not be switched off.
    """
    table = whole["resource"]["aws_dynamodb_table"]["state"]
    assert table["count"] == "${var.enable_events ? 1 : 0}"
    assert table["attribute"] == [{"name": table["hash_key"], "type": "S"}]
    assert "range_key" not in table and "ttl" not in table, "nothing expires"
    assert (table["billing_mode"], table["deletion_protection_enabled"]) == ("PAY_PER_REQUEST", False)
    assert "prevent_destroy" not in json.dumps(table)
    environment = whole["resource"]["aws_lambda_function"]["event_checker"]["environment"]["variables"]
    assert environment["STATE_STORE"] == "${one(aws_dynamodb_table.state[*].name)}"
    used = {
        name: [statement["Action"] for statement in json.loads(body["policy"])["Statement"]]
        for name, body in whole["resource"]["aws_iam_role_policy"].items()
        if "aws_dynamodb_table.state" in body["policy"]
    }
    assert used == {"event_checker_write_state": [["dynamodb:BatchGetItem", "dynamodb:PutItem"]]}


@pytest.mark.parametrize("fixture", ["whole", "devices", "processing", "storage", "tiers", "cold", "archive"])
def test_everything_that_takes_tags_says_twin_layer_and_role(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    for kind, blocks in request.getfixturevalue(fixture)["resource"].items():
        for block in blocks.values():
            if kind not in WITHOUT_TAGS:
                assert set(block["tags"]) == {"twin", "layer", "role"}, kind
                assert block["tags"]["twin"] == "factory"


def test_the_provider_block_names_the_region_and_no_secret(whole: Stack) -> None:
    assert whole["provider"]["aws"] == [{"region": "eu-central-1", "allowed_account_ids": ["000000000000"]}]
