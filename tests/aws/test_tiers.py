"""The cold and the archive tier: what S3 does with the files, and who may do what with them."""

import json
from typing import Any

import pytest

from support.layouts import Layout, twin_config
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
    assert actions(tiers, "cold_mover_move_store") == {"dynamodb:Query", "dynamodb:BatchWriteItem"}
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
