"""Functions that run by the clock: who calls them, how often, and who hears when a run is lost."""

import json
from typing import Any

import pytest

from twin_runtime.roles import ROLES, SCHEDULES, Role, Schedule
from twinspan import alarms

Stack = dict[str, Any]
each_mover = pytest.mark.parametrize(
    ("fixture", "role"), [("tiers", Role.COLD_MOVER), ("cold", Role.ARCHIVE_MOVER)]
)


@each_mover
def test_each_partition_is_called_at_its_rate(
    fixture: str, role: Role, request: pytest.FixtureRequest
) -> None:
    block = request.getfixturevalue(fixture)["resource"]["aws_scheduler_schedule"][role]
    schedule = SCHEDULES[role]
    listed = ", ".join(f'"{number}"' for number in range(schedule.partitions))
    assert block["for_each"] == f"${{toset([{listed}])}}"
    assert block["schedule_expression"] == f"rate({schedule.every_minutes} minutes)"
    assert block["flexible_time_window"] == {"mode": "OFF"}
    target = block["target"]
    text = target["input"].replace("${each.key}", "2")
    assert json.loads(text) == {"partition": 2, "partitions": schedule.partitions}
    assert target["arn"] == f"${{aws_lambda_function.{role}.arn}}"


@each_mover
def test_a_run_has_room_and_is_not_tried_again(
    fixture: str, role: Role, request: pytest.FixtureRequest
) -> None:
    """The next run goes on where one stopped; a late one would only stand in its way."""
    made = request.getfixturevalue(fixture)["resource"]
    function = made["aws_lambda_function"][role]
    assert function["reserved_concurrent_executions"] == ROLES[role].max_concurrency
    again = made["aws_lambda_function_event_invoke_config"][role]
    assert again["maximum_retry_attempts"] == 0
    age = SCHEDULES[role].every_minutes * 60
    # Lambda: 60 to 21,600; Scheduler: 60 to 86,400, and up to 185 attempts.
    assert 60 <= again["maximum_event_age_in_seconds"] == age <= 21_600
    retry = made["aws_scheduler_schedule"][role]["target"]["retry_policy"]
    assert retry["maximum_event_age_in_seconds"] == age
    assert 0 <= retry["maximum_retry_attempts"] <= 185


@each_mover
def test_the_clock_may_call_this_function_and_nothing_else(
    fixture: str, role: Role, request: pytest.FixtureRequest
) -> None:
    """EventBridge Scheduler, 'Confused deputy prevention': the source is a group, never one schedule."""
    made = request.getfixturevalue(fixture)["resource"]
    block = made["aws_scheduler_schedule"][role]
    group = made["aws_scheduler_schedule_group"][role]
    assert block["group_name"] == f"${{aws_scheduler_schedule_group.{role}.id}}"
    assert block["target"]["role_arn"] == f"${{aws_iam_role.{role}_clock.arn}}"
    (trusted,) = json.loads(made["aws_iam_role"][f"{role}_clock"]["assume_role_policy"])["Statement"]
    assert trusted["Principal"] == {"Service": "scheduler.amazonaws.com"}
    only = trusted["Condition"]["StringEquals"]
    assert only["aws:SourceAccount"] == "${data.aws_caller_identity.current.account_id}"
    assert only["aws:SourceArn"].endswith(f":schedule-group/{group['name']}")
    policy = made["aws_iam_role_policy"][f"{role}_clock_call"]
    (statement,) = json.loads(policy["policy"])["Statement"]
    assert statement["Action"] == ["lambda:InvokeFunction"]
    assert statement["Resource"] == [f"${{aws_lambda_function.{role}.arn}}"]
    assert block["depends_on"] == [f"aws_iam_role_policy.{role}_clock_call"]


@each_mover
def test_a_run_that_failed_or_never_began_rings(
    fixture: str, role: Role, request: pytest.FixtureRequest
) -> None:
    made = request.getfixturevalue(fixture)["resource"]
    alarm = made["aws_cloudwatch_metric_alarm"][f"{role}_failed"]
    name = made["aws_lambda_function"][role]["function_name"]
    together, *counted = alarm["metric_query"]
    of = {query["metric"]["metric_name"]: query["metric"] for query in counted}
    assert of["Errors"]["dimensions"] == of["AsyncEventsDropped"]["dimensions"] == {"FunctionName": name}
    assert of["InvocationDroppedCount"]["dimensions"] == {"ScheduleGroup": name}
    assert together["return_data"] is True
    # CloudWatch: an alarm returns one series, of up to ten metrics; an id begins with a small letter.
    assert not any(query.get("return_data") for query in counted)
    assert all(query["id"][0].islower() and query["id"] in together["expression"] for query in counted)
    assert (alarm["threshold"], alarm["comparison_operator"]) == (0, "GreaterThanThreshold")
    assert alarm["treat_missing_data"] == "notBreaching"
    # Not both: the metric of an alarm is one, or an expression.
    assert not {"metric_name", "namespace", "statistic", "period"} & alarm.keys()


@each_mover
def test_the_alarm_still_looks_at_a_run_when_its_error_is_reported(
    fixture: str, role: Role, request: pytest.FixtureRequest
) -> None:
    """Lambda, "View metrics for functions": a metric's time is that of the invocation, and it is sent at the
    end of the run. One period in the window is enough.
    """
    alarm = request.getfixturevalue(fixture)["resource"]["aws_cloudwatch_metric_alarm"][f"{role}_failed"]
    (period,) = {query["metric"]["period"] for query in alarm["metric_query"] if "metric" in query}
    assert (alarm["evaluation_periods"] - 1) * period >= ROLES[role].timeout_s + 300
    assert alarm["datapoints_to_alarm"] == 1


@each_mover
def test_a_mover_that_lags_or_is_not_called_rings(
    fixture: str, role: Role, request: pytest.FixtureRequest
) -> None:
    made = request.getfixturevalue(fixture)["resource"]
    lines = made["aws_cloudwatch_log_metric_filter"][f"{role}_behind"]
    assert lines["pattern"] == '{ $.event = "behind" }'
    assert lines["log_group_name"] == made["aws_cloudwatch_log_group"][role]["name"]
    alarm = made["aws_cloudwatch_metric_alarm"][f"{role}_behind"]
    together, behind, called = alarm["metric_query"]
    made_of = lines["metric_transformation"]
    assert (behind["metric"]["namespace"], behind["metric"]["metric_name"]) == (
        made_of["namespace"],
        made_of["name"],
    )
    # A filter with dimensions could have no default value: then there would be no data while all is well.
    assert (made_of["value"], made_of["default_value"], "dimensions" in made_of) == ("1", "0", False)
    assert called["metric"]["dimensions"] == {
        "FunctionName": made["aws_lambda_function"][role]["function_name"]
    }
    measured = [made["aws_cloudwatch_log_metric_filter"][f"{role}_{field}"] for field in alarms.MEASURED]
    for field, filter_ in zip(alarms.MEASURED, measured, strict=True):
        assert filter_["pattern"] == f'{{ $.event = "{alarms.RUN[role]}" }}'
        assert filter_["metric_transformation"]["value"] == f"$.{field}"
    assert together["expression"] == "FILL(behind, 0) + IF(FILL(called, 0) < 1, 1, 0)"
    assert called["metric"]["period"] >= 2 * SCHEDULES[role].every_minutes * 60, "one call in it at least"


def test_every_rate_is_one_that_all_clocks_can_say() -> None:
    """EventBridge Scheduler: `rate(1 minute)`, `rate(5 minutes)`. Cron starts anew with every hour."""
    for role, schedule in SCHEDULES.items():
        assert schedule.every_minutes == 60 or 60 % schedule.every_minutes == 0
        assert schedule.partitions == ROLES[role].max_concurrency
        assert ROLES[role].timeout_s <= schedule.every_minutes * 60, "a run ends before the next begins"
        assert schedule.cron.split()[1:] == ["*", "*", "*", "*"]


def test_rates_as_cron() -> None:
    minutes = {1: "*", 5: "*/5", 15: "*/15", 60: "0"}
    for every, field in minutes.items():
        assert Schedule(every_minutes=every).cron == f"{field} * * * *"
