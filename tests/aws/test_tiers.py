"""The cold and the archive tier: what S3 does with the files, and who may do what with them."""

import json
import re
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from support.layouts import Layout, twin_config
from twin_aws.expiry import ATTRIBUTE
from twin_runtime import ports
from twin_runtime.roles import Cloud
from twin_runtime.tiers import tier_files
from twinspan.aws.names import FILES
from twinspan.aws.tiers import ARCHIVE_CLASS, COLD_CLASS
from twinspan.lifecycle import EVENTS, PARTS, UNDELETE_DAYS, Lifecycle
from twinspan.twin import Twin

Stack = dict[str, Any]
RETENTION = twin_config(Layout(Cloud.AWS, Cloud.AWS, Cloud.AWS)).retention
each_tier = pytest.mark.parametrize("fixture", ["tiers", "cold", "archive"])


def rules(stack: Stack) -> dict[str, dict[str, Any]]:
    """The lifecycle rules by the prefix that they are for."""
    configuration = stack["resource"]["aws_s3_bucket_lifecycle_configuration"][FILES]
    return {rule["filter"][0]["prefix"]: rule for rule in configuration["rule"]}


def actions(stack: Stack, name: str) -> set[str]:
    """What an inline policy allows."""
    document = json.loads(stack["resource"]["aws_iam_role_policy"][name]["policy"])
    return {action for statement in document["Statement"] for action in statement["Action"]}


@each_tier
def test_a_bucket_is_closed_encrypted_and_the_account_s_own(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    made = request.getfixturevalue(fixture)["resource"]
    assert set(made["aws_s3_bucket"]) == {FILES}
    block = made["aws_s3_bucket_public_access_block"][FILES]
    flags = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
    assert all(block[flag] is True for flag in flags)
    assert made["aws_s3_bucket_ownership_controls"][FILES]["rule"] == {
        "object_ownership": "BucketOwnerEnforced"
    }
    (encryption,) = made["aws_s3_bucket_server_side_encryption_configuration"][FILES]["rule"]
    assert encryption["apply_server_side_encryption_by_default"] == {"sse_algorithm": "AES256"}
    (statement,) = json.loads(made["aws_s3_bucket_policy"][FILES]["policy"])["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    arn = f"${{aws_s3_bucket.{FILES}.arn}}"
    assert statement["Resource"] == [arn, f"{arn}/*"]


@each_tier
def test_what_is_deleted_can_be_brought_back_for_some_days(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    stack = request.getfixturevalue(fixture)
    versioning = stack["resource"]["aws_s3_bucket_versioning"][FILES]
    assert versioning["versioning_configuration"] == {"status": "Enabled"}
    everything = rules(stack)[""]
    assert everything["noncurrent_version_expiration"] == [{"noncurrent_days": UNDELETE_DAYS}]
    assert everything["expiration"] == [{"expired_object_delete_marker": True}]
    assert everything["abort_incomplete_multipart_upload"] == [{"days_after_initiation": 7}]
    configuration = stack["resource"]["aws_s3_bucket_lifecycle_configuration"][FILES]
    assert configuration["depends_on"] == [f"aws_s3_bucket_versioning.{FILES}"]
    deletes = {
        name for name in stack["resource"]["aws_iam_role_policy"] if "s3:DeleteObject" in actions(stack, name)
    }
    assert deletes
    assert not any("s3:DeleteObjectVersion" in actions(stack, name) for name in deletes)


@each_tier
def test_parts_that_were_left_behind_go_after_a_week(fixture: str, request: pytest.FixtureRequest) -> None:
    parts = rules(request.getfixturevalue(fixture))[PARTS]
    assert parts["expiration"] == [{"days": 7}]
    assert "transition" not in parts


def test_a_file_keeps_its_place_when_the_other_tier_moves_to_another_cloud(
    tiers: Stack, cold: Stack, archive: Stack
) -> None:
    """Archived files are in the cold tier's bucket while both tiers are here."""

    def place(stack: Stack) -> dict[str, Any]:
        (bucket,) = stack["resource"]["aws_s3_bucket"].items()
        return {"address": bucket[0], "name": bucket[1]["bucket"]}

    assert place(tiers) == place(cold) == place(archive)


def test_files_are_archived_and_deleted_by_rule_where_the_archive_is_here(tiers: Stack) -> None:
    events = rules(tiers)[EVENTS]
    assert events["transition"] == [{"days": RETENTION.cold_days, "storage_class": ARCHIVE_CLASS}]
    assert events["expiration"] == [{"days": RETENTION.archive_days}]


def test_files_of_any_size_are_archived(tiers: Stack) -> None:
    """S3, 'Transitioning objects': by default those below 128 KB are not, for any class."""
    configuration = tiers["resource"]["aws_s3_bucket_lifecycle_configuration"][FILES]
    assert configuration["transition_default_minimum_object_size"] == "varies_by_storage_class"


def test_a_remote_archive_leaves_the_rule_as_the_last_safety_net(cold: Stack, archive: Stack) -> None:
    events = rules(cold)[EVENTS]
    assert "transition" not in events
    assert events["expiration"] == [{"days": RETENTION.archive_days}]
    events = rules(archive)[EVENTS]
    assert "transition" not in events
    assert events["expiration"] == [{"days": RETENTION.archive_days}]


def test_the_class_of_a_file_is_told_with_the_address(tiers: Stack, cold: Stack, archive: Stack) -> None:
    def environment(stack: Stack, role: str) -> dict[str, str]:
        return stack["resource"]["aws_lambda_function"][role]["environment"]["variables"]

    here = "s3://${aws_s3_bucket.files.bucket}?class=STANDARD_IA"
    assert environment(tiers, "cold_mover")["COLD_STORE"] == here
    assert environment(tiers, "hot_reader")["COLD_STORE"] == here
    assert environment(cold, "archive_mover")["COLD_STORE"] == here
    assert environment(archive, "archive_writer")["ARCHIVE_STORE"] == (
        "s3://${aws_s3_bucket.files.bucket}?class=DEEP_ARCHIVE"
    )


def test_who_may_do_what_with_the_files(tiers: Stack, cold: Stack, archive: Stack) -> None:
    reads = {"s3:ListBucket", "s3:GetObject"}
    writes = {*reads, "s3:PutObject", "s3:DeleteObject"}
    assert actions(tiers, "hot_reader_read_files") == reads
    assert actions(tiers, "cold_mover_write_files") == writes
    notes = {"dynamodb:PartiQLInsert", "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem"}
    assert actions(tiers, "cold_mover_move_store") == {"dynamodb:Query", *notes}
    assert actions(cold, "cold_writer_write_files") == writes
    assert actions(cold, "archive_mover_write_files") == writes
    assert actions(archive, "archive_writer_write_files") == writes
    document = json.loads(tiers["resource"]["aws_iam_role_policy"]["hot_reader_read_files"]["policy"])
    listed, files = document["Statement"]
    assert (listed["Resource"], files["Resource"]) == (
        ["${aws_s3_bucket.files.arn}"],
        ["${aws_s3_bucket.files.arn}/*"],
    )


def test_without_an_archive_the_cold_tier_deletes() -> None:
    twin = Twin(twin_config(Layout(Cloud.AWS, Cloud.AWS, Cloud.AWS, Cloud.GCP)))
    assert Lifecycle.of_cold(twin) == Lifecycle(archive_after=None, delete_after=RETENTION.cold_days)


def test_the_rules_are_for_where_the_files_are() -> None:
    assert (EVENTS, PARTS) == (tier_files.EVENTS, ports.PARTS)


def test_classes_that_s3_has() -> None:
    """S3 API, PutObject: x-amz-storage-class; TransitionStorageClass of a lifecycle rule."""
    assert COLD_CLASS in ("STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "GLACIER_IR")
    assert ARCHIVE_CLASS in ("GLACIER", "DEEP_ARCHIVE")


def test_terraform_leaves_the_expiry_to_the_mover_where_there_is_a_cold_tier(tiers: Stack) -> None:
    """Until the mover has seen the table, it deletes nothing."""
    table = tiers["resource"]["aws_dynamodb_table"]["hot"]
    assert table["ttl"] == {"attribute_name": ATTRIBUTE, "enabled": False}
    assert table["lifecycle"]["ignore_changes"] == ["ttl"]
    environment = tiers["resource"]["aws_lambda_function"]["cold_mover"]["environment"]["variables"]
    switch = tiers["resource"]["aws_scheduler_schedule"]["expiry"]
    group = tiers["resource"]["aws_scheduler_schedule_group"]["cold_mover"]["name"]
    assert environment["EXPIRY"] == f"${{aws_dynamodb_table.hot.name}}/{group}/{switch['name']}"


def test_the_switch_calls_update_time_to_live_as_dynamodb_takes_it(tiers: Stack) -> None:
    """EventBridge Scheduler, "Using universal targets": arn:aws:scheduler:::aws-sdk:<service>:<operation>,
    with the first letter of the operation in lower case; `Input` is what the operation takes.
    """
    made = tiers["resource"]
    block = made["aws_scheduler_schedule"]["expiry"]
    service, operation = block["target"]["arn"].removeprefix("arn:aws:scheduler:::aws-sdk:").split(":")
    model = botocore.session.get_session().get_service_model(service)
    shape = model.operation_model(operation[0].upper() + operation[1:]).input_shape
    given = json.loads(block["target"]["input"])
    report = ParamValidator().validate(given, shape)
    assert not report.has_errors(), report.generate_report()
    assert given["TimeToLiveSpecification"] == {"AttributeName": ATTRIBUTE, "Enabled": False}
    assert given["TableName"] == "${aws_dynamodb_table.hot.name}"
    assert block["state"] == "DISABLED", "the mover sets it before it allows expiry"
    assert re.fullmatch(r"at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)", block["schedule_expression"])
    assert block["flexible_time_window"] == {"mode": "OFF"}
    assert block["lifecycle"]["ignore_changes"] == ["schedule_expression", "state"]
    # Scheduler, RetryPolicy: at most 185 tries and a day. DynamoDB may refuse a change for an hour.
    retry = block["target"]["retry_policy"]
    assert 3_600 < retry["maximum_event_age_in_seconds"] <= 86_400
    assert 0 < retry["maximum_retry_attempts"] <= 185


def test_who_may_switch_the_expiry(tiers: Stack) -> None:
    """UpdateSchedule takes the whole schedule anew, so its caller must be allowed to pass the role."""
    made = tiers["resource"]
    table, switches, role = json.loads(made["aws_iam_role_policy"]["cold_mover_switch_expiry"]["policy"])[
        "Statement"
    ]
    assert table["Action"] == ["dynamodb:DescribeTimeToLive", "dynamodb:UpdateTimeToLive"]
    assert table["Resource"] == ["${aws_dynamodb_table.hot.arn}"]
    assert switches["Action"] == ["scheduler:GetSchedule", "scheduler:UpdateSchedule"]
    block = made["aws_scheduler_schedule"]["expiry"]
    group = made["aws_scheduler_schedule_group"]["cold_mover"]["name"]
    assert switches["Resource"][0].endswith(f":schedule/{group}/{block['name']}")
    assert (role["Action"], role["Resource"]) == (["iam:PassRole"], ["${aws_iam_role.expiry.arn}"])
    assert role["Condition"] == {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
    (stops,) = json.loads(made["aws_iam_role_policy"]["expiry"]["policy"])["Statement"]
    assert (stops["Action"], stops["Resource"]) == (["dynamodb:UpdateTimeToLive"], table["Resource"])
    (trusted,) = json.loads(made["aws_iam_role"]["expiry"]["assume_role_policy"])["Statement"]
    assert trusted["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trusted["Condition"]["StringEquals"]["aws:SourceArn"].endswith(f":schedule-group/{group}")
    assert block["target"]["role_arn"] == "${aws_iam_role.expiry.arn}"
