"""The AWS adapters on moto: what every cloud's adapters must do, and the errors that only AWS has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError

from contract.adapter_contract import DeadLetterContract, QueueContract, SecretContract
from support.aws_clients import failing, mocked
from twin_aws.clients import client
from twin_aws.cloud import Aws
from twin_aws.iot import IotBroker
from twin_aws.secrets_manager import AwsSecret
from twin_aws.sqs import SqsQueue
from twin_aws.step_functions import StateMachine
from twin_runtime.errors import Refused, Retry, SecretMissing, Throttled
from twin_runtime.ports import Queue, SecretSource

COMMAND = {
    "specversion": "1.0",
    "type": "twinspan.command.v1",
    "source": "/twins/factory/devices/thermostat-1",
    "id": "c1",
    "data": {"command": "set_point", "value": 20},
}


@pytest.fixture(autouse=True)
def _aws() -> Iterator[None]:
    with mocked():
        yield


class Queues:
    @pytest.fixture
    def queue(self) -> Queue:
        url = boto3.client("sqs").create_queue(QueueName="factory-processing")["QueueUrl"]
        return Aws().queue(url)

    def drain(self, queue: Any) -> list[str]:
        bodies: list[str] = []
        while messages := queue._client.receive_message(QueueUrl=queue._url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            bodies += [message["Body"] for message in messages]
            for message in messages:
                queue._client.delete_message(QueueUrl=queue._url, ReceiptHandle=message["ReceiptHandle"])
        return bodies


class TestSqs(Queues, QueueContract):
    pass


class TestDeadLetters(Queues, DeadLetterContract):
    pass


class Answers:
    """An SQS client that refuses, of each call, the entries named next in `refused`."""

    def __init__(self, *refused: set[str]) -> None:
        self.refused = list(refused)
        self.calls: list[list[str]] = []

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:
        self.calls.append([entry["MessageBody"] for entry in Entries])
        refused = self.refused.pop(0) if self.refused else set()
        return {
            "Failed": [
                {"Id": e["Id"], "Code": "InternalError"} for e in Entries if e["MessageBody"] in refused
            ]
        }


def test_entries_that_sqs_refused_are_sent_again_alone() -> None:
    answers = Answers({"b", "c"}, {"c"})
    SqsQueue("url", answers, sleep=lambda _: None).send(["a", "b", "c"])
    assert answers.calls == [["a", "b", "c"], ["b", "c"], ["c"]]


def test_an_entry_that_sqs_refuses_for_good_is_an_error() -> None:
    answers = Answers(*[{"b"}] * 9)
    with pytest.raises(Retry, match=r"SQS did not take 1 of 2 messages \(InternalError\)"):
        SqsQueue("url", answers, sleep=lambda _: None).send(["a", "b"])
    assert len(answers.calls) == 4


def test_a_call_carries_ten_entries_and_256_kib_at_most() -> None:
    answers = Answers()
    SqsQueue("url", answers).send(["x" * 100_000] * 5 + ["y"] * 12)
    assert [len(call) for call in answers.calls] == [2, 2, 10, 3]
    assert all(sum(map(len, call)) <= 262_144 for call in answers.calls)


@pytest.mark.parametrize(("code", "kind"), [("ThrottlingException", Throttled), ("InternalFailure", Retry)])
def test_an_error_of_sqs_names_its_code_and_no_more(code: str, kind: type[Retry]) -> None:
    with pytest.raises(kind) as caught:
        SqsQueue("url", failing(code)).send(["a"])
    assert type(caught.value) is kind
    assert caught.value.reason == f"SQS answered {code}."


def test_a_network_error_is_for_another_try() -> None:
    class Away:
        def send_message_batch(self, **_: Any) -> Any:
            raise ConnectTimeoutError(endpoint_url="https://sqs")

    with pytest.raises(Retry, match=r"SQS could not be reached \(ConnectTimeoutError\)"):
        SqsQueue("url", Away()).send(["a"])


class TestSecretsManager(SecretContract):
    @pytest.fixture
    def secret(self) -> SecretSource:
        arn = boto3.client("secretsmanager").create_secret(Name="factory-link-telemetry")["ARN"]
        return Aws().secret(arn)

    def write(self, secret: Any, text: str) -> None:
        secret._client.put_secret_value(SecretId=secret._arn, SecretString=text)

    def test_a_secret_that_does_not_exist_is_missing(self) -> None:
        with pytest.raises(SecretMissing):
            Aws().secret("arn:aws:secretsmanager:eu-central-1:123456789012:secret:none-abcdef").fetch()


def test_a_secret_that_may_not_be_read_is_no_missing_one() -> None:
    with pytest.raises(Retry, match="Secrets Manager answered AccessDeniedException") as caught:
        AwsSecret("arn", failing("AccessDeniedException")).fetch()
    assert not isinstance(caught.value, SecretMissing)


def test_a_command_goes_to_the_devices_topic() -> None:
    calls: list[dict[str, Any]] = []

    class Core:
        def publish(self, **call: Any) -> None:
            calls.append(call)

    IotBroker(Core()).send("thermostat-1", COMMAND)
    assert calls[0]["topic"] == "factory/devices/thermostat-1/commands"
    assert calls[0]["qos"] == 1
    assert json.loads(calls[0]["payload"]) == COMMAND


def test_the_broker_is_the_accounts_endpoint() -> None:
    broker: Any = Aws().broker("example-ats.iot.eu-central-1.amazonaws.com")
    assert broker._client.meta.endpoint_url == "https://example-ats.iot.eu-central-1.amazonaws.com"


def test_a_command_that_iot_core_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    IotBroker(boto3.client("iot-data")).send("thermostat-1", COMMAND)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("InvalidRequestException", Refused),
        ("ThrottlingException", Throttled),
        ("InternalFailureException", Retry),
    ],
)
def test_errors_of_iot_core(code: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        IotBroker(failing(code)).send("thermostat-1", COMMAND)


def test_an_execution_is_started_once() -> None:
    states = boto3.client("stepfunctions")
    arn = states.create_state_machine(
        name="factory-workflow",
        definition=json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}),
        roleArn="arn:aws:iam::123456789012:role/factory-workflow",
    )["stateMachineArn"]
    workflow = Aws().workflow(arn)
    workflow.start("overheating-1", {"rule": "overheating", "n": 10**30})
    for _ in range(49):
        workflow.start("overheating-1", {"rule": "other"})
    (execution,) = states.list_executions(stateMachineArn=arn)["executions"]
    assert execution["name"] == "overheating-1"
    described = states.describe_execution(executionArn=execution["executionArn"])
    assert json.loads(described["input"]) == {"rule": "overheating", "n": 10**30}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("InvalidExecutionInput", Refused),
        ("ExecutionLimitExceeded", Retry),
        ("StateMachineDoesNotExist", Retry),
    ],
)
def test_errors_of_step_functions(code: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        StateMachine("arn", failing(code)).start("name", {})


def test_a_client_is_made_once() -> None:
    assert client("sqs") is client("sqs")
    assert client("sqs") is not client("dynamodb")
