"""Nothing is lost: every queue has dead letters with an alarm, every store is encrypted, expires and can be
restored.
"""

import json

import pytest

from support.function_blocks import environment
from support.layouts import SYNTHESIZED, Layout, twin_config
from support.synth import Stack, stacks
from support.terraform_json import Resource, references, resources
from twin_runtime.deadlines import ANSWERED_S, LATE_S, LEASE_S, looks_back_s
from twin_runtime.ports import MAX_DELIVERIES
from twin_runtime.roles import ROLES, SCHEDULES, Cloud, Role
from twinspan.lifecycle import Lifecycle
from twinspan.sizing import LOG_RETENTION_DAYS, MAX_RECEIVES
from twinspan.twin import Twin

each_layout = pytest.mark.parametrize("layout", SYNTHESIZED, ids=str)
DAY_SECONDS = 24 * 3600
HOT_DAYS = 30


def addresses(value: object) -> set[str]:
    """What the expressions below a value refer to."""
    return {reference.address for reference in references(value)}


def queue_name(queue: Resource) -> str:
    """The queue's name as an expression."""
    return f"${{one({queue.address}[*].name)}}" if queue.counted else f"${{{queue.address}.name}}"


def split(blocks: list[Resource]) -> tuple[dict[str, Resource], dict[str, Resource]]:
    """Queues and dead-letter queues, by name."""
    dead = {block.name: block for block in blocks if block.name.endswith("_dead")}
    return {block.name: block for block in blocks if block.name not in dead}, dead


def test_no_change_of_another_age_makes_a_file_go_early() -> None:
    """A bucket counts from a file's writing, and knows nothing of the ages that twin.yaml had then."""
    cloud = Cloud.GCP
    for archive in (None, cloud, Cloud.AWS):
        for hot_days in (1, 30, 89):
            ages = {"hot_days": hot_days, "cold_days": 90, "archive_days": 3650}
            twin = Twin(twin_config(Layout(cloud, cloud, cloud, cloud, archive), retention=ages))
            cold = Lifecycle.of_cold(twin)
            assert cold.archive_after == (90 if archive is cloud else None)
            assert cold.delete_after == (3650 if archive else 90)
            assert Lifecycle.of_archive(twin).delete_after == 3650


def test_queues_give_up_later_than_the_functions_do() -> None:
    """A function says why it gives up on a message; a queue cannot."""
    assert MAX_RECEIVES > MAX_DELIVERIES


@each_layout
def test_aws_queues(layout: Layout) -> None:
    stack = stacks(layout).get("aws", {})
    queues, dead = split(resources(stack, "aws_sqs_queue"))
    for name, queue in queues.items():
        redrive = json.loads(queue.body["redrive_policy"])
        assert addresses(queue.body["redrive_policy"]) == {f"aws_sqs_queue.{name}_dead"}
        assert redrive["maxReceiveCount"] == MAX_RECEIVES
        assert dead[f"{name}_dead"].counted == queue.counted
    for queue in (*queues.values(), *dead.values()):
        assert queue.body["sqs_managed_sse_enabled"] is True
    alarms = {
        alarm.body["dimensions"]["QueueName"]: alarm
        for alarm in resources(stack, "aws_cloudwatch_metric_alarm")
        if "QueueName" in alarm.body.get("dimensions", {})
    }
    for queue in dead.values():
        alarm = alarms.get(queue.body["name"]) or alarms[queue_name(queue)]
        assert alarm.counted == queue.counted
        assert queue.body["message_retention_seconds"] == 14 * 24 * 3600
        hidden = max((each.body["visibility_timeout_seconds"] for each in queues.values()), default=0)
        assert alarm.body["period"] * alarm.body["evaluation_periods"] > max(hidden, LEASE_S)
        assert alarm.body["datapoints_to_alarm"] == 1
    for mapping in resources(stack, "aws_lambda_event_source_mapping"):
        (source,) = (
            queue for queue in queues.values() if queue.address in addresses(mapping.body["event_source_arn"])
        )
        timeout = ROLES[Role(mapping.name)].timeout_s
        window = mapping.body["maximum_batching_window_in_seconds"]
        assert timeout < 6 * timeout + window <= source.body["visibility_timeout_seconds"]
        assert (
            MAX_RECEIVES * source.body["visibility_timeout_seconds"]
            < source.body["message_retention_seconds"]
        )
        assert mapping.body["function_response_types"] == ["ReportBatchItemFailures"]


@each_layout
def test_aws_functions_are_bounded(layout: Layout) -> None:
    stack = stacks(layout).get("aws", {})
    sources = {block.name: block for block in resources(stack, "aws_lambda_event_source_mapping")}
    logs = {block.address: block for block in resources(stack, "aws_cloudwatch_log_group")}
    assert all(log.body["retention_in_days"] == LOG_RETENTION_DAYS for log in logs.values())
    for function in resources(stack, "aws_lambda_function"):
        size = ROLES[Role(function.name)]
        assert function.body["memory_size"] == size.memory_mb
        assert function.body["timeout"] == size.timeout_s
        if function.name in sources:
            bound = sources[function.name].body["scaling_config"]["maximum_concurrency"]
        else:
            bound = function.body["reserved_concurrent_executions"]
        assert bound == size.max_concurrency
        assert addresses(function.body["logging_config"]) <= logs.keys()


@each_layout
def test_every_alarm_looks_back_further_than_a_run_takes_to_be_seen(layout: Layout) -> None:
    """A failure is dated by the start of the run, and told late after its end."""
    alarms = resources(stacks(layout).get("aws", {}), "aws_cloudwatch_metric_alarm")
    for alarm in alarms:
        if alarm.name.endswith("_failed"):
            role = Role(alarm.name.removesuffix("_failed"))
            (period,) = {each["metric"]["period"] for each in alarm.body["metric_query"] if "metric" in each}
            assert period * alarm.body["evaluation_periods"] >= looks_back_s(role, Cloud.AWS)
    rules = resources(stacks(layout).get("azure", {}), "azurerm_monitor_scheduled_query_rules_alert_v2")
    for rule in rules:
        window, every = minutes(rule.body["window_duration"]), minutes(rule.body["evaluation_frequency"])
        assert window * 60 >= LATE_S[Cloud.AZURE] + every * 60
        if rule.name.endswith("_failed"):
            role = Role(rule.name.removesuffix("_failed"))
            assert window * 60 >= looks_back_s(role, Cloud.AZURE)
            assert window >= 2 * SCHEDULES[role].every_minutes
    for job in resources(stacks(layout).get("gcp", {}), "google_cloud_scheduler_job"):
        waits = int(job.body["attempt_deadline"].removesuffix("s"))
        assert ROLES[Role(job.name)].timeout_s < waits <= 1_800
    for integration in resources(stacks(layout).get("aws", {}), "aws_api_gateway_integration"):
        waits = integration.body["timeout_milliseconds"] / 1_000
        assert ANSWERED_S < waits <= 29
        assert waits < ROLES[Role(integration.name)].timeout_s


def minutes(text: str) -> int:
    """Of `PT15M` or `PT1H`."""
    number = int(text[2:-1])
    return number * 60 if text.endswith("H") else number


@each_layout
def test_aws_store(layout: Layout) -> None:
    stack = stacks(layout).get("aws", {})
    for table in resources(stack, "aws_dynamodb_table"):
        assert table.body["server_side_encryption"]["enabled"] is True
        assert table.body["billing_mode"] == "PAY_PER_REQUEST"
        if table.name == "state":  # what the rules have seen, which events tell again
            continue
        assert table.body["point_in_time_recovery"]["enabled"] is True
        assert table.body["ttl"] == {"attribute_name": "expires", "enabled": layout.cold is None}
        assert ("ttl" in table.body.get("lifecycle", {}).get("ignore_changes", ())) == bool(layout.cold)


@each_layout
def test_azure_queues(layout: Layout) -> None:
    stack = stacks(layout).get("azure", {})
    queues, dead = split(resources(stack, "azurerm_storage_queue"))
    alarms = resources(stack, "azurerm_monitor_scheduled_query_rules_alert_v2")
    watched = {
        queue: alarm
        for alarm in alarms
        for queue in dead
        if f'"{dead[queue].body["name"]}"' in str(alarm.body)
    }
    for name, queue in queues.items():
        # The Functions host moves poison messages to this name, which is not a setting.
        assert dead[f"{name}_dead"].body["name"] == f"{queue.body['name']}-poison"
        assert dead[f"{name}_dead"].counted == queue.counted
    for name, queue in dead.items():
        assert name in watched, f"no alarm on {queue.address}"
        assert watched[name].counted == queue.counted


@each_layout
def test_azure_functions_are_bounded(layout: Layout) -> None:
    stack = stacks(layout).get("azure", {})
    for app in resources(stack, "azurerm_function_app_flex_consumption"):
        assert app.body["instance_memory_in_mb"] >= ROLES[Role(app.name)].memory_mb
        assert app.body["instance_memory_in_mb"] in (512, 2048, 4096)
        assert app.body["maximum_instance_count"] >= 1
        timeout = ROLES[Role(app.name)].timeout_s
        told = environment(app, Cloud.AZURE)["AzureFunctionsJobHost__functionTimeout"]
        assert told == f"00:{timeout // 60:02}:{timeout % 60:02}"
        assert app.body["https_only"] is True
        assert app.body["webdeploy_publish_basic_authentication_enabled"] is False
    for workspace in resources(stack, "azurerm_log_analytics_workspace"):
        assert workspace.body["retention_in_days"] == LOG_RETENTION_DAYS


@each_layout
def test_azure_store_and_accounts(layout: Layout) -> None:
    stack = stacks(layout).get("azure", {})
    for account in resources(stack, "azurerm_cosmosdb_account"):
        assert account.body["backup"]["type"] == "Continuous"
        assert account.body["local_authentication_disabled"] is True
    for container in resources(stack, "azurerm_cosmosdb_sql_container"):
        # Where there is a cold tier, the mover deletes what is in a file. -1 would let rows expire by their
        # own `ttl`: learn.microsoft.com/azure/cosmos-db/time-to-live, example 2.
        if container.name == "store" and layout.cold:
            assert "default_ttl" not in container.body
        elif container.name == "store":
            assert container.body["default_ttl"] == HOT_DAYS * DAY_SECONDS
    for account in resources(stack, "azurerm_storage_account"):
        assert account.body["min_tls_version"] == "TLS1_2"
        assert account.body["allow_nested_items_to_be_public"] is False
        assert account.body["https_traffic_only_enabled"] is True
    for subscription in resources(stack, "azurerm_eventgrid_system_topic_event_subscription"):
        assert subscription.body["storage_blob_dead_letter_destination"]


@each_layout
def test_google_queues(layout: Layout) -> None:
    stack = stacks(layout).get("gcp", {})
    topics, dead = split(resources(stack, "google_pubsub_topic"))
    subscriptions = resources(stack, "google_pubsub_subscription")
    pushed = [block for block in subscriptions if "push_config" in block.body]
    for subscription in pushed:
        policy = subscription.body["dead_letter_policy"]
        assert addresses(policy) <= {topic.address for topic in dead.values()}
        assert policy["max_delivery_attempts"] == MAX_RECEIVES
        role = Role(subscription.body["labels"]["role"])
        waits = subscription.body["ack_deadline_seconds"]
        assert ROLES[role].timeout_s < waits <= 600
        kept = int(subscription.body["message_retention_duration"].removesuffix("s"))
        backoff = int(subscription.body["retry_policy"]["maximum_backoff"].removesuffix("s"))
        assert MAX_RECEIVES * (waits + backoff) < kept
        assert subscription.body["push_config"]["oidc_token"]["service_account_email"]
        assert subscription.body["expiration_policy"] == {"ttl": ""}, "a quiet month would delete it"
    consumed = {address for block in pushed for address in addresses(block.body["topic"])}
    devices = {"google_pubsub_topic.device_commands"}  # devices subscribe to it, no function does
    assert {topic.address for topic in topics.values()} == consumed | (
        devices & {t.address for t in topics.values()}
    )
    alarms = [
        addresses(block.body["conditions"]) for block in resources(stack, "google_monitoring_alert_policy")
    ]
    for topic in dead.values():
        kept = [block for block in subscriptions if addresses(block.body["topic"]) == {topic.address}]
        assert len(kept) == 1, f"nothing keeps the messages of {topic.address}"
        assert "push_config" not in kept[0].body
        assert {kept[0].address} in alarms, f"no alarm on {kept[0].address}"


@each_layout
def test_google_functions_are_bounded(layout: Layout) -> None:
    stack = stacks(layout).get("gcp", {})
    functions = resources(stack, "google_cloudfunctions2_function")
    for function in functions:
        config, size = function.body["service_config"], ROLES[Role(function.name)]
        assert config["available_memory"] == f"{size.memory_mb}Mi"
        assert config["timeout_seconds"] == size.timeout_s
        assert config["max_instance_count"] <= size.max_concurrency
        assert _log_filter_names(stack, function), function.address
    for bucket in resources(stack, "google_logging_project_bucket_config"):
        assert bucket.body["retention_days"] == LOG_RETENTION_DAYS


def _log_filter_names(stack: Stack, function: Resource) -> bool:
    sinks = resources(stack, "google_logging_project_sink")
    return any(function.body["name"] in sink.body["filter"] for sink in sinks)


@each_layout
def test_google_store(layout: Layout) -> None:
    stack = stacks(layout).get("gcp", {})
    databases = resources(stack, "google_firestore_database")
    for database in databases:
        if database.name in ("graph", "state"):  # made anew from twin.yaml and rows; told again by events
            continue
        assert database.body["point_in_time_recovery_enablement"] == "POINT_IN_TIME_RECOVERY_ENABLED"
        assert database.body["type"] == "FIRESTORE_NATIVE"
    expiring = [block for block in resources(stack, "google_firestore_field") if "ttl_config" in block.body]
    hot = [database for database in databases if database.name == "hot"]
    assert [block.body["field"] for block in expiring] == ([] if layout.cold else ["expires"] * len(hot))
    orders = [
        [(field["field_path"], field["order"]) for field in index.body["fields"]]
        for index in resources(stack, "google_firestore_index")
    ]
    if hot:
        assert [("device", "ASCENDING"), ("key", "ASCENDING")] in orders
        assert [("device", "ASCENDING"), ("key", "DESCENDING")] in orders
