"""Whom the alarms tell."""

import json
from collections.abc import Callable
from pathlib import Path

from support.layouts import Layout
from twin_runtime.roles import Cloud

HERE = Layout(Cloud.AWS, Cloud.AWS, Cloud.AWS)


def test_alarms_tell_the_address_of_the_alerts(synthesized: Callable[..., Path]) -> None:
    stack = synthesized(HERE, alerts={"email": "ops@example.com"})
    resources = json.loads((stack / "cdk.tf.json").read_text())["resource"]
    subscription = resources["aws_sns_topic_subscription"]["alarms"]
    assert (subscription["protocol"], subscription["endpoint"]) == ("email", "ops@example.com")
    assert subscription["topic_arn"] == "${aws_sns_topic.alarms.arn}"
    for alarm in resources["aws_cloudwatch_metric_alarm"].values():
        assert alarm["alarm_actions"] == ["${aws_sns_topic.alarms.arn}"]
    assert resources["aws_sns_topic_subscription"]["workflow"]["count"] == "${var.enable_events ? 1 : 0}"


def test_the_alarms_topic_has_a_key_that_cloudwatch_may_use(synthesized: Callable[..., Path]) -> None:
    stack = synthesized(HERE, alerts={"email": "ops@example.com"})
    resources = json.loads((stack / "cdk.tf.json").read_text())["resource"]
    assert resources["aws_sns_topic"]["alarms"]["kms_master_key_id"] == "${aws_kms_key.alarms.id}"
    key = resources["aws_kms_key"]["alarms"]
    assert key["enable_key_rotation"] is True
    administration, use = json.loads(key["policy"])["Statement"]
    assert "kms:PutKeyPolicy" in administration["Action"]
    assert use["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert use["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert not [action for action in administration["Action"] if "*" in action]


def test_nobody_is_told_without_alerts(synthesized: Callable[..., Path]) -> None:
    resources = json.loads((synthesized(HERE) / "cdk.tf.json").read_text())["resource"]
    assert "aws_sns_topic_subscription" not in resources
    assert "aws_kms_key" not in resources
    assert all("alarm_actions" not in alarm for alarm in resources["aws_cloudwatch_metric_alarm"].values())


def test_many_refusals_of_a_reader_fire_an_alarm(synthesized: Callable[..., Path]) -> None:
    """API Gateway refuses keys itself. Its metrics are those of a stage, by the API's name."""
    resources = json.loads((synthesized(HERE) / "cdk.tf.json").read_text())["resource"]
    alarm = resources["aws_cloudwatch_metric_alarm"]["hot_reader_refusals"]
    assert (alarm["namespace"], alarm["metric_name"], alarm["statistic"]) == (
        "AWS/ApiGateway",
        "4XXError",
        "Sum",
    )
    api = resources["aws_api_gateway_rest_api"]["hot_reader"]["name"]
    assert alarm["dimensions"] == {
        "ApiName": api,
        "Stage": "${aws_api_gateway_stage.hot_reader.stage_name}",
    }
    assert (alarm["threshold"], alarm["period"]) == (300, 300), "60 a minute"
    assert alarm["treat_missing_data"] == "notBreaching"
