"""What is AWS's own in what a guide says of a stack."""

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from guides import facts, twins
from guides.readers import read
from support.read_stacks import alone, reread, stack_of
from support.terraform_json import Stack
from twin_runtime.roles import Cloud, Layer, Role

ALONE = twins.SINGLE[Cloud.AWS]
FIRST = twins.spread_with(Layer.ACQUISITION, Cloud.AWS)
MIDDLE = twins.spread_with(Layer.PROCESSING, Cloud.AWS)
HOT = twins.spread_with(Layer.HOT_STORAGE, Cloud.AWS)
ITSELF = "the function itself puts what it refuses here, with the reason"
PROCESSOR = "aws_lambda_function.processor"


def functions(placement: twins.Placement) -> Mapping[Role, facts.Function]:
    """The functions of a placement's AWS stack."""
    return read(Cloud.AWS, twins.stacks(placement)["aws"], twins.topology(placement)).functions


def after(change: Callable[[dict[str, dict[str, Any]]], None]) -> dict[Role, facts.Function]:
    """The functions of the twin that is in AWS alone, after a change of its resources."""
    stack: Stack = copy.deepcopy(stack_of(alone(Cloud.AWS), Cloud.AWS))
    change(stack["resource"])
    return reread(Cloud.AWS, stack)


def uses(found: tuple[facts.Use, ...]) -> dict[str, str]:
    return {use.address: use.text for use in found}


def test_the_broker_calls_by_a_topic_rule():
    dispatcher = functions(ALONE)[Role.DISPATCHER]
    (trigger,) = dispatcher.triggers
    assert trigger.kind == "broker"
    assert trigger.text.startswith("IoT topic rule factory_telemetry: SELECT encode(*, 'base64') AS payload")
    assert trigger.text.endswith("FROM 'factory/devices/+/telemetry' (SQL version 2016-03-23)")
    assert trigger.addresses == ("aws_iot_topic_rule.telemetry", "aws_lambda_permission.dispatcher")
    assert uses(dispatcher.inputs) == {
        "aws_iot_topic_rule.telemetry": "MQTT messages on factory/devices/+/telemetry"
    }
    assert dispatcher.retries == (
        "Lambda repeats a failed call up to 2 times; one that could not begin waits 6 h at most",
    )
    assert uses(dispatcher.dead_letters) == {
        "aws_sqs_queue.telemetry_dead": f"{ITSELF}; Lambda puts an asynchronous call that it gave up here, "
        "with its error; the rule's error action puts what it could not hand to Lambda here; kept for 14 days"
    }


def test_a_queue_calls_by_an_event_source():
    persister = functions(ALONE)[Role.PERSISTER]
    assert persister.triggers == (
        facts.Trigger(
            "queue",
            "SQS event source: batches of up to 50 messages, which may wait 1 s to fill",
            ("aws_sqs_queue.persisting", "aws_lambda_event_source_mapping.persister"),
        ),
    )
    assert persister.limits == ("20 at a time at most (maximum concurrency of the event source)",)
    assert persister.retries == (
        "SQS hands out messages that failed again after 6 min, up to 60 times in all; a message waits 4 days "
        "at most",
        "On its delivery number 50 the function itself dead-letters what still fails",
    )
    assert uses(persister.dead_letters) == {
        "aws_sqs_queue.persisting_dead": f"{ITSELF}; SQS itself moves a message here after 60 receives, "
        "without a reason; kept for 14 days"
    }
    assert uses(persister.inputs) == {"aws_sqs_queue.persisting": "takes messages"}
    assert uses(persister.outputs) == {
        "aws_sqs_queue.events": "sends messages",
        "aws_dynamodb_table.hot": "writes or deletes rows in batches",
    }


def test_a_receiver_stands_behind_api_gateway():
    writer = functions(HOT)[Role.WRITER]
    (trigger,) = writer.triggers
    assert trigger.kind == "http"
    assert trigger.text == (
        "API Gateway: POST /v1/writer; API key, whose usage plan allows 50 requests per second and 100 at "
        "once, authorization NONE; waits 29 s for the function; answers 401 for INVALID_API_KEY and 429 for "
        "THROTTLED"
    )
    assert trigger.addresses[0] == "aws_api_gateway_rest_api.writer"
    assert {"aws_api_gateway_usage_plan.writer", "aws_api_gateway_api_key.writer"} < set(trigger.addresses)
    assert writer.limits == ("50 at a time at most (reserved concurrency)",)
    assert uses(writer.inputs)["link:write"] == "signed requests of Persister (Google Cloud)"
    assert uses(writer.dead_letters) == {"aws_sqs_queue.writing_dead": f"{ITSELF}; kept for 14 days"}


def test_the_clock_calls_each_partition():
    mover = functions(ALONE)[Role.COLD_MOVER]
    assert mover.triggers == (
        facts.Trigger(
            "schedule",
            "EventBridge Scheduler: rate(15 minutes), 4 schedules, one per partition, with the input "
            '{"partition": <number>, "partitions": 4}',
            ("aws_scheduler_schedule.cold_mover", "aws_iam_role.cold_mover_clock"),
        ),
    )
    assert mover.retries == (
        "EventBridge Scheduler tries to hand over a call up to 10 times more, for 15 min at most",
        "Lambda does not repeat a failed call; one that could not begin waits 15 min at most",
    )
    assert not mover.dead_letters


def test_terraform_and_twinmaker_call_too():
    found = functions(ALONE)
    assert [trigger.kind for trigger in found[Role.TWIN_SYNC].triggers] == ["deployment", "schedule"]
    connector = found[Role.TWIN_CONNECTOR]
    assert connector.triggers == (
        facts.Trigger(
            "platform",
            "IoT TwinMaker calls it for values, from the workspace factory-graph",
            ("aws_cloudformation_stack.graph", "aws_lambda_permission.twin_connector"),
        ),
    )
    assert uses(connector.inputs) == {"aws_dynamodb_table.hot": "queries rows"}
    assert uses(functions(FIRST)[Role.TWIN_CONNECTOR].inputs)["link:twin"] == (
        "answers of Hot Reader (Google Cloud) to signed requests"
    )


def test_permissions_are_those_of_iam_with_addresses_for_arns():
    feedback = functions(ALONE)[Role.EVENT_FEEDBACK]
    assert facts.Permission("sqs:SendMessage", "aws_sqs_queue.commands_dead") in feedback.permissions
    topic = "arn:aws:iot:eu-central-1:<account>:topic/factory/devices/*/commands"
    assert facts.Permission("iot:Publish", topic) in feedback.permissions
    assert uses(feedback.outputs) == {
        "data.aws_iot_endpoint.devices": "publishes messages on factory/devices/*/commands"
    }
    mover = functions(ALONE)[Role.COLD_MOVER]
    files = facts.Permission("s3:GetObject, s3:PutObject, s3:DeleteObject", "aws_s3_bucket.files/*")
    assert files in mover.permissions


def test_a_sender_reads_its_secret_and_tells_the_other_end():
    connector = functions(FIRST)[Role.CONNECTOR]
    assert uses(connector.inputs)["aws_secretsmanager_secret.link_telemetry"] == (
        "reads the secret (Keys of the link telemetry; written by the stack links)"
    )
    assert uses(connector.outputs) == {"link:telemetry": "signed requests to Ingestion (Azure)"}
    persister = functions(MIDDLE)[Role.PERSISTER]
    assert set(uses(persister.outputs)) == {"aws_sqs_queue.events", "link:write"}


def test_a_queue_that_keeps_nothing_back_says_so():
    def forget(resources: dict[str, dict[str, Any]]) -> None:
        del resources["aws_sqs_queue"]["processing"]["redrive_policy"]

    processor = after(forget)[Role.PROCESSOR]
    assert processor.retries[0] == (
        "SQS hands out messages that failed again after 6 min; a message waits 4 days at most"
    )
    assert uses(processor.dead_letters) == {"aws_sqs_queue.processing_dead": f"{ITSELF}; kept for 14 days"}


def test_what_is_off_or_open_says_so():
    def open_up(resources: dict[str, dict[str, Any]]) -> None:
        resources["aws_iot_topic_rule"]["telemetry"]["enabled"] = False
        resources["aws_api_gateway_method"]["hot_reader"]["api_key_required"] = False
        del resources["aws_lambda_event_source_mapping"]["processor"]["function_response_types"]
        del resources["aws_api_gateway_gateway_response"]

    found = after(open_up)
    assert "factory_telemetry, switched off: SELECT" in found[Role.DISPATCHER].triggers[0].text
    asked = found[Role.HOT_READER].triggers[0].text
    assert "GET /v1/hot-reader; no API key, authorization NONE" in asked
    assert asked.endswith("; answers as API Gateway does by itself")
    assert "hands out a batch of which one failed again" in found[Role.PROCESSOR].retries[0]


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("aws_lambda_permission.dispatcher", "lets aws_iot_topic_rule.telemetry call"),
        ("aws_lambda_permission.hot_reader", "nothing calls aws_lambda_function.hot_reader"),
        ("aws_api_gateway_integration.hot_reader", "no integration of API Gateway calls"),
        ("aws_lambda_function_event_invoke_config.cold_mover", "one aws_lambda_function_event_invoke_config"),
        ("aws_lambda_event_source_mapping.processor", f"nothing calls {PROCESSOR}"),
        ("aws_api_gateway_usage_plan.twin_reader", "one aws_api_gateway_usage_plan should refer to"),
        ("aws_cloudformation_stack.graph", "makes the workspace of"),
    ],
)
def test_a_part_that_is_missing_is_told(address: str, sentence: str):
    kind, name = address.split(".")
    with pytest.raises(KeyError, match=sentence):
        after(lambda resources: resources[kind].pop(name))


def policy(statement: dict[str, Any]) -> dict[str, Any]:
    """A policy of the processor's role with one statement more."""
    return {
        "//": {"metadata": {"path": "aws/processing/processor/more", "uniqueId": "more"}},
        "role": "${aws_iam_role.processor.id}",
        "policy": json.dumps({"Statement": [statement]}),
    }


def allow(action: object, on: object) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": on}


@pytest.mark.parametrize(
    ("kind", "block", "sentence"),
    [
        ("aws_iam_role_policy", policy(allow(["sqs:PurgeQueue"], ["*"])), "do not know .* sqs:PurgeQueue"),
        ("aws_iam_role_policy", policy(allow(["sqs:SendMessage"], ["*"])), "should refer to one block"),
        ("aws_iam_role_policy", policy(allow("sqs:SendMessage", ["*"])), "statement that the guides do not"),
        (
            "aws_iam_role_policy",
            policy({**allow(["sqs:SendMessage"], ["*"]), "Effect": "Deny"}),
            "statement that the guides do not",
        ),
        (
            "aws_iam_role_policy",
            policy(allow(["sqs:SendMessage"], ["${aws_sqs_queue.events.url}"])),
            "which is no ARN",
        ),
        (
            "aws_iam_role_policy_attachment",
            {"role": "${aws_iam_role.processor.name}", "policy_arn": "arn:aws:iam::aws:policy/Any"},
            "does something to aws_iam_role.processor",
        ),
        (
            "aws_sns_topic_subscription",
            {"endpoint": f"${{{PROCESSOR}.arn}}"},
            f"does something with {PROCESSOR}",
        ),
        (
            "aws_lambda_permission",
            {"function_name": f"${{{PROCESSOR}.arn}}", "principal": "sns.amazonaws.com", "source_arn": "*"},
            f"lets sns.amazonaws.com call {PROCESSOR}",
        ),
    ],
)
def test_what_the_guides_do_not_know_is_refused(kind: str, block: dict[str, Any], sentence: str):
    where = {"//": {"metadata": {"path": "aws/processing/more", "uniqueId": "more"}}}

    def add(resources: dict[str, dict[str, Any]]) -> None:
        resources.setdefault(kind, {})["more"] = where | block

    with pytest.raises(KeyError, match=sentence):
        after(add)


def test_a_link_whose_secret_is_closed_is_refused():
    stack = copy.deepcopy(twins.stacks(FIRST)["aws"])
    del stack["resource"]["aws_iam_role_policy"]["connector_read_link_telemetry"]
    with pytest.raises(KeyError, match="connector is an end of the link telemetry"):
        read(Cloud.AWS, stack, twins.topology(FIRST))
