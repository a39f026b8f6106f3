"""What is AWS's own in what a guide says of a stack."""

from collections.abc import Mapping

from guides import facts, twins
from guides.readers import aws
from twin_runtime.roles import Cloud, Layer, Role

ALONE = twins.SINGLE[Cloud.AWS]
FIRST = twins.spread_with(Layer.ACQUISITION, Cloud.AWS)
MIDDLE = twins.spread_with(Layer.PROCESSING, Cloud.AWS)
HOT = twins.spread_with(Layer.HOT_STORAGE, Cloud.AWS)
ITSELF = "the function itself puts what it refuses here, with the reason"


def functions(placement: twins.Placement) -> Mapping[Role, facts.Function]:
    """The functions of a placement's AWS stack."""
    inventory, topology = twins.inventory(placement, Cloud.AWS), twins.topology(placement)
    return {each.role: each for each in aws.functions(inventory, topology)}


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
        "SQS hands out messages that failed again after 361 s, up to 60 times in all; a message waits 4 days "
        "at most",
        "On its delivery number 50 the function itself dead-letters what still fails",
    )
    assert uses(persister.dead_letters) == {
        "aws_sqs_queue.persisting_dead": f"{ITSELF}; SQS itself moves a message here after 60 receives, "
        "without a reason; kept for 14 days"
    }
    assert uses(persister.inputs) == {
        "aws_sqs_queue.persisting": "takes messages",
        "aws_dynamodb_table.hot": "reads rows by their keys",
    }
    assert uses(persister.outputs) == {
        "aws_sqs_queue.events": "sends messages",
        "aws_dynamodb_table.hot": "adds rows whose keys are not there and writes or deletes rows in batches",
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
