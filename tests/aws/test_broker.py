"""AWS IoT Core: what a device may do, and what the dispatcher is told of it."""

import json
from typing import Any

Stack = dict[str, Any]
THING = "$${iot:Connection.Thing.ThingName}"  # as Terraform reads it
HERE = "arn:aws:iot:eu-central-1:${data.aws_caller_identity.current.account_id}:"


def test_one_resource_for_all_devices(whole: Stack) -> None:
    things = whole["resource"]["aws_iot_thing"]
    assert set(things) == {"devices"}
    assert things["devices"]["for_each"] == {"thermostat-1": "thermostat"}
    assert things["devices"]["name"] == "${each.key}"
    assert things["devices"]["attributes"] == {"twin": "factory", "type": "${each.value}"}


def test_a_device_is_itself_and_nobody_else(whole: Stack) -> None:
    connect, publish, subscribe, receive = json.loads(
        whole["resource"]["aws_iot_policy"]["device"]["policy"]
    )["Statement"]
    assert (connect["Action"], connect["Resource"]) == (["iot:Connect"], [f"{HERE}client/{THING}"])
    assert connect["Condition"] == {"Bool": {"iot:Connection.Thing.IsAttached": "true"}}
    assert (publish["Action"], publish["Resource"]) == (
        ["iot:Publish"],
        [f"{HERE}topic/factory/devices/{THING}/telemetry"],
    )
    assert (subscribe["Action"], subscribe["Resource"]) == (
        ["iot:Subscribe"],
        [f"{HERE}topicfilter/factory/devices/{THING}/commands"],
    )
    assert (receive["Action"], receive["Resource"]) == (
        ["iot:Receive"],
        [f"{HERE}topic/factory/devices/{THING}/commands"],
    )


def test_the_rule_says_who_sent_it_beside_the_payload(whole: Stack) -> None:
    rule = whole["resource"]["aws_iot_topic_rule"]["telemetry"]
    assert rule["name"] == "factory_telemetry"
    assert rule["sql"] == (
        "SELECT encode(*, 'base64') AS payload, topic(3) AS device, clientid() AS client, "
        "timestamp() AS received FROM 'factory/devices/+/telemetry'"
    )
    assert rule["sql_version"] == "2016-03-23"
    assert rule["lambda"] == [{"function_arn": "${aws_lambda_function.dispatcher.arn}"}]
    permission = whole["resource"]["aws_lambda_permission"]["dispatcher"]
    assert (permission["principal"], permission["source_arn"]) == (
        "iot.amazonaws.com",
        "${aws_iot_topic_rule.telemetry.arn}",
    )


def test_what_cannot_be_handed_over_is_kept(whole: Stack) -> None:
    resources = whole["resource"]
    error = resources["aws_iot_topic_rule"]["telemetry"]["error_action"]["sqs"]
    assert error == {
        "queue_url": "${aws_sqs_queue.telemetry_dead.url}",
        "role_arn": "${aws_iam_role.broker_errors.arn}",
        "use_base64": False,
    }
    config = resources["aws_lambda_function_event_invoke_config"]["dispatcher"]
    assert config["destination_config"] == {
        "on_failure": {"destination": "${aws_sqs_queue.telemetry_dead.arn}"}
    }
    assert config["depends_on"] == ["aws_iam_role_policy.dispatcher_send_to_telemetry_dead"]
    trust = json.loads(resources["aws_iam_role"]["broker_errors"]["assume_role_policy"])["Statement"][0]
    assert trust["Condition"]["ArnLike"] == {"aws:SourceArn": f"{HERE}rule/factory_telemetry"}


def test_commands_go_to_the_accounts_own_endpoint(whole: Stack) -> None:
    assert whole["data"]["aws_iot_endpoint"]["devices"]["endpoint_type"] == "iot:Data-ATS"
    environment = whole["resource"]["aws_lambda_function"]["event_feedback"]["environment"]["variables"]
    assert environment["BROKER"] == "${data.aws_iot_endpoint.devices.endpoint_address}"


def test_no_key_of_a_device_is_in_the_stack(whole: Stack) -> None:
    assert not {kind for kind in whole["resource"] if "certificate" in kind or kind.startswith("tls_")}
