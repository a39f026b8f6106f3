"""Values that hashicorp/google 6.50 or the service behind it constrains. The bindings do not check them."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from gcp.provider_rules import ALARM, DATABASE, FUNCTION, RULES, SUBSCRIPTION, Rule
from gcp.stacks import GCP_LAYOUTS, gcp_stack
from support.function_blocks import environment
from support.terraform_json import Resource, resources
from twin_runtime.roles import ROLES, SCHEDULES, Batching, Cloud, Role

pytestmark = pytest.mark.matrix
MISSING = object()


def at(body: Any, path: str) -> Any:
    for step in path.split("."):
        if isinstance(body, list):
            body = body[int(step)] if len(body) > int(step) else MISSING
        elif isinstance(body, dict):
            body = body.get(step, MISSING)
        if body is MISSING:
            return MISSING
    return body


def every(kind: str) -> Iterator[Resource]:
    for layout in GCP_LAYOUTS:
        yield from resources(gcp_stack(layout), kind)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.kind}-{rule.path}")
def test_value(rule: Rule) -> None:
    seen = 0
    for each in every(rule.kind):
        value = at(each.body, rule.path)
        if value is MISSING:
            assert not rule.required, f"{each.address} has no {rule.path}: {rule.says}"
            continue
        seen += 1
        assert rule.check(value), f"{each.address}: {rule.path} is {value!r}: {rule.says}"
    assert seen, f"no {rule.kind} has {rule.path}"


def test_more_than_one_request_at_a_time_needs_a_whole_cpu() -> None:
    """Cloud Run functions, 'Configure concurrency': with a concurrency over 1 at least one vCPU. Cloud Run,
    'Memory limits': one vCPU goes with up to 4 GiB, and the second generation of the environment with at
    least 512 MiB."""
    for each in every(FUNCTION):
        config = each.body["service_config"]
        assert config["available_cpu"] == "1"
        assert 512 <= int(config["available_memory"].removesuffix("Mi")) <= 4096


def test_threads_are_the_concurrency() -> None:
    """functions-framework: the environment variable THREADS is what its server answers at a time."""
    for each in every(FUNCTION):
        config = each.body["service_config"]
        concurrency = config["max_instance_request_concurrency"]
        assert environment(each, Cloud.GCP)["THREADS"] == str(concurrency)
        assert (concurrency == 1) == (each.name == "processor" or each.name in SCHEDULES)


def test_environment_names_that_cloud_run_keeps_for_itself() -> None:
    """Cloud Run functions, 'Configure environment variables': reserved are FUNCTION_TARGET,
    FUNCTION_SIGNATURE_TYPE, K_SERVICE, K_REVISION, K_CONFIGURATION, PORT and names that begin with X_GOOGLE_;
    together up to 32 KB."""
    reserved = {
        "FUNCTION_TARGET",
        "FUNCTION_SIGNATURE_TYPE",
        "K_SERVICE",
        "K_REVISION",
        "K_CONFIGURATION",
        "PORT",
    }
    for each in every(FUNCTION):
        names = set(environment(each, Cloud.GCP))
        assert not names & reserved
        assert not any(name.startswith("X_GOOGLE_") for name in names)


def test_labels() -> None:
    """Google Cloud, 'Requirements for labels': keys begin with a lower-case letter; keys and values have
    lower-case letters, digits, '_' and '-', up to 63; up to 64 labels."""
    labelled = 0
    for layout in GCP_LAYOUTS:
        for each in resources(gcp_stack(layout)):
            if each.labels is not None:
                labelled += 1
                assert set(each.labels) == {"twin", "layer", "role"}, each.address
                for key, value in each.labels.items():
                    assert re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key)
                    assert re.fullmatch(r"[a-z0-9_-]{1,63}", value), (each.address, value)
    assert labelled


UNLABELLED = {
    "google_cloud_scheduler_job",
    "google_cloud_run_v2_service_iam_member",
    "google_firestore_database",
    "google_firestore_field",
    "google_firestore_index",
    "google_logging_metric",
    "google_logging_project_bucket_config",
    "google_logging_project_exclusion",
    "google_logging_project_sink",
    "google_project_iam_member",
    "google_project_service",
    "google_pubsub_subscription_iam_member",
    "google_pubsub_topic_iam_member",
    "google_secret_manager_secret_iam_member",
    "google_secret_manager_secret_version",
    "google_service_account",
    "google_service_account_iam_member",
    "google_storage_bucket_iam_member",
    "google_storage_bucket_object",
    "random_id",
    "random_password",
    "time_sleep",
}
"""Types without labels: their documentation has neither `labels` nor `user_labels` (a Firestore database has
resource manager tags, which belong to the organisation)."""


def test_every_type_that_takes_labels_has_them() -> None:
    for layout in GCP_LAYOUTS:
        for each in resources(gcp_stack(layout)):
            assert (each.labels is None) == (each.kind in UNLABELLED), each.address


def test_a_wildcard_field_has_no_expiry() -> None:
    """google_firestore_field: the TTL of the field `*` is not supported; its indexes are those of the
    collection.
    """
    for each in every("google_firestore_field"):
        assert "ttl_config" not in each.body or each.body["field"] == "expires"
        if each.body["field"] == "*":
            assert each.body["index_config"] == {}


def test_the_hot_store_can_be_read_back_for_days() -> None:
    """google_firestore_database, point_in_time_recovery_enablement: without it, for one hour only."""
    (enabled,) = {
        each.body["point_in_time_recovery_enablement"] for each in every(DATABASE) if each.name == "hot"
    }
    assert enabled == "POINT_IN_TIME_RECOVERY_ENABLED"


def test_a_policy_on_logs_has_no_other_condition_and_bounds_its_notifications() -> None:
    """google_monitoring_alert_policy, condition_matched_log: no other condition may be there; alert_strategy:
    notification_rate_limit is required for policies on logs and not allowed on others."""
    for each in every(ALARM):
        on_logs = [c for c in each.body["conditions"] if "condition_matched_log" in c]
        assert len(each.body["conditions"]) == 1
        assert ("notification_rate_limit" in each.body.get("alert_strategy", {})) == bool(on_logs)


def test_a_push_subscription_has_no_other_delivery() -> None:
    """google_pubsub_subscription: push_config conflicts with bigquery_config and cloud_storage_config;
    push_endpoint is https."""
    for each in every(SUBSCRIPTION):
        assert not {"bigquery_config", "cloud_storage_config"} & set(each.body)
        if push := each.body.get("push_config"):
            assert push["push_endpoint"].endswith(("service_config[0].uri}", "service_config[0].uri)}"))


def test_the_acknowledge_deadline_covers_the_function_s_time() -> None:
    """google_pubsub_subscription, ack_deadline_seconds: for push it is the timeout of the request."""
    for layout in GCP_LAYOUTS:
        stack = gcp_stack(layout)
        timeouts = {
            each.body["labels"]["role"]: each.body["service_config"]["timeout_seconds"]
            for each in resources(stack, FUNCTION)
        }
        for each in resources(stack, SUBSCRIPTION):
            if "push_config" in each.body:
                assert each.body["ack_deadline_seconds"] >= timeouts[each.body["labels"]["role"]]


def test_roles_that_gather_messages_take_many_at_a_time() -> None:
    """What an instance answers at a time bounds the batch that `twin_gcp.triggers.consumer` gathers."""
    for each in every(FUNCTION):
        gathers = ROLES[Role(each.name)].batching is Batching.TOGETHER
        concurrency = each.body["service_config"]["max_instance_request_concurrency"]
        assert (concurrency > 16) == gathers, each.name
