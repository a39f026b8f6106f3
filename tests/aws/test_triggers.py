"""What Lambda hands over, in the shapes that AWS documents."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from support.layouts import Layout, twin_config
from twin_aws import triggers
from twin_runtime.deadlines import Limits
from twin_runtime.errors import Retry
from twin_runtime.ports import Message, Request, Response
from twin_runtime.roles import Cloud, Role, roles_of
from twin_runtime.settings import expected
from twinspan.packaging import build

PAYLOAD = b'{"temperature": 1e-300, "count": 1234567890123456789012345678901234567890}'


def rule_event(**changes: Any) -> dict[str, Any]:
    return {
        "payload": b64encode(PAYLOAD).decode(),
        "device": "thermostat-1",
        "client": "thermostat-1",
        "received": 1709208000123,
    } | changes


def test_a_device_is_known_by_its_topic_and_the_payload_is_exact() -> None:
    message = triggers.broker_message(rule_event())
    assert (message.device, message.body, message.problem) == ("thermostat-1", PAYLOAD, None)
    assert message.received == "2024-02-29T12:00:00.123000Z"


def test_a_device_in_the_payload_is_nobody() -> None:
    body = b64encode(b'{"device": "other", "clientid": "other"}').decode()
    assert triggers.broker_message(rule_event(payload=body)).device == "thermostat-1"


def test_a_client_of_another_name_is_refused() -> None:
    assert "another name" in (triggers.broker_message(rule_event(client="thermostat-2")).problem or "")


def test_what_somebody_of_the_account_published_is_taken() -> None:
    assert triggers.broker_message(rule_event(client="n/a")).problem is None


@pytest.mark.parametrize(
    "change", [{"payload": None}, {"payload": "%%%"}, {"received": None}, {"received": "now"}]
)
def test_what_the_rule_did_not_say_is_a_problem(change: dict[str, Any]) -> None:
    assert triggers.broker_message(rule_event(**change)).problem


def test_an_event_without_a_device_has_none() -> None:
    assert triggers.broker_message({"payload": "", "received": 0}).device is None


class Context:
    def __init__(self, seconds: float = 60) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return round(self._seconds * 1000)


def test_a_batch_names_the_messages_that_must_come_again() -> None:
    seen: list[Any] = []

    limits = Limits(Role.PROCESSOR, Cloud.AWS)

    class Taker:
        def handle(self, messages: Sequence[Message], **budget: float) -> list[str]:
            seen.extend([messages, budget])
            return ["m2"]

    records = [
        {"messageId": "m1", "body": "[]", "attributes": {"ApproximateReceiveCount": "1"}},
        {"messageId": "m2", "body": "[1]", "attributes": {"ApproximateReceiveCount": "7"}},
    ]
    answer = triggers.consume(Taker(), {"Records": records}, Context(), limits)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m2"}]}
    assert seen == [[Message("m1", "[]", 1), Message("m2", "[1]", 7)], limits.budget()._asdict()]


def proxy_event(**changes: Any) -> dict[str, Any]:
    return {
        "httpMethod": "POST",
        "headers": {"Webhook-Id": "b"},
        "multiValueHeaders": {"Webhook-Id": ["a", "b"], "X-Api-Key": ["k"]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "body": b64encode(b"\x1f\x8b\x00\xff").decode(),
        "isBase64Encoded": True,
    } | changes


def test_a_binary_body_arrives_byte_for_byte() -> None:
    request = triggers.request_of(proxy_event())
    assert (request.method, request.body) == ("POST", b"\x1f\x8b\x00\xff")
    assert request.header("x-api-key") == "k"


def test_a_repeated_header_is_both_values() -> None:
    assert triggers.request_of(proxy_event()).header("webhook-id") == "a, b"


def test_a_text_body_and_no_body() -> None:
    assert (
        triggers.request_of(proxy_event(body='["\u00e9"]', isBase64Encoded=False)).body
        == '["\u00e9"]'.encode()
    )
    assert triggers.request_of(proxy_event(body=None, isBase64Encoded=False)).body == b""


def test_a_query_with_one_and_several_values() -> None:
    several = proxy_event(multiValueQueryStringParameters={"device": ["d1"], "limit": ["1", "2"]})
    assert triggers.request_of(several).query == {"device": ["d1"], "limit": ["1", "2"]}
    single = proxy_event(queryStringParameters={"device": "d1"}, multiValueHeaders=None)
    assert triggers.request_of(single).query == {"device": "d1"}
    assert triggers.request_of(single).header("webhook-id") == "b"


def test_the_id_of_the_api_key() -> None:
    assert triggers.request_of(proxy_event()).api_key_id == ""
    for context in (None, {}, {"identity": None}, {"identity": {"apiKeyId": None}}):
        assert triggers.request_of(proxy_event(requestContext=context)).api_key_id == ""
    named = proxy_event(requestContext={"identity": {"apiKeyId": "k1"}})
    assert triggers.request_of(named).api_key_id == "k1"


def test_an_answer() -> None:
    class Taker:
        def handle(self, request: Request) -> Response:
            return Response(202, b'{"accepted":1}', {"content-type": "application/json"})

    assert triggers.respond(Taker(), proxy_event()) == {
        "statusCode": 202,
        "headers": {"content-type": "application/json"},
        "body": '{"accepted":1}',
        "isBase64Encoded": False,
    }


class Runs:
    """Takes the place of a role's object."""

    def __init__(self, fails: Exception | None = None) -> None:
        self.fails = fails
        self.taken: list[tuple[int, int, float]] = []

    def run(self, partition: int, partitions: int, *, budget: float) -> None:
        self.taken.append((partition, partitions, budget))
        if self.fails:
            raise self.fails


def test_a_scheduled_run_gets_its_partition_and_less_than_the_function_s_time() -> None:
    role = Runs()
    limits = Limits(Role.COLD_MOVER, Cloud.AWS)
    triggers.scheduled(role, {"partition": 3, "partitions": 4}, Context(600), limits)
    assert role.taken == [(3, 4, limits.budget().budget)]


def test_what_is_over_of_the_function_s_time_is_the_role_s() -> None:
    limits, role = Limits(Role.COLD_MOVER, Cloud.AWS), Runs()
    triggers.scheduled(role, {"partition": 3, "partitions": 4}, Context(500), limits)
    assert role.taken == [(3, 4, limits.budget().budget - 100)]


def test_a_scheduled_run_that_fails_is_a_failed_invocation() -> None:
    with pytest.raises(Retry, match="away"):
        triggers.scheduled(
            Runs(Retry("The store is away.")),
            {"partition": 0, "partitions": 1},
            Context(),
            Limits(Role.COLD_MOVER, Cloud.AWS),
        )


def test_a_binary_body_of_some_megabytes_passes_unchanged() -> None:
    body = bytes(range(256)) * 12_000
    event = {
        "httpMethod": "POST",
        "headers": {"content-type": "application/octet-stream"},
        "body": b64encode(body).decode(),
        "isBase64Encoded": True,
    }
    assert triggers.request_of(event).body == body


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip as Lambda gets it: Python imports from it as from a folder, but twin.json wants one."""
    import zipfile

    folder = tmp_path_factory.mktemp("package")
    layout = Layout(Cloud.AWS, Cloud.AWS, Cloud.AWS, l5=Cloud.AWS)
    with zipfile.ZipFile(build(twin_config(layout), Cloud.AWS, folder).path) as archive:
        archive.extractall(folder / "code")
    return folder / "code"


SMALL = {
    "STORE": "t", "BROKER": "example", "WORKFLOW": "arn:aws:states:eu-central-1:1:stateMachine:w",
    "EXPIRY": "t/g/s", "COLD_STORE": "s3://b?class=STANDARD_IA", "ARCHIVE_STORE": "s3://b?class=DEEP_ARCHIVE",
    "API_KEY_READS": "true", "API_CLIENTS": '{"k1": "erp"}', "GRAFANA": "https://g.example?workspace=g-1&service_account=1",
}  # fmt: skip


@pytest.mark.matrix
@pytest.mark.parametrize("remote", [False, True])
@pytest.mark.parametrize("role", roles_of(Cloud.AWS))
def test_each_entry_point_loads_in_lambda_from_the_package_alone(
    role: str, remote: bool, package: Path
) -> None:
    """With the variables that its stack sets and no others; it is made while the module loads."""
    code = f"from twin_aws.entry import {role} as handler; assert callable(handler)"
    variables = {
        name: SMALL.get(name, "https://sqs.example/1/q") for name in expected(role, "aws", remote=remote)
    }
    lambda_ = {
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=package,
        env=variables | lambda_ | {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_an_entry_point_without_its_variables_says_which(package: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from twin_aws.entry import writer"],
        cwd=package,
        env={"AWS_LAMBDA_FUNCTION_NAME": "f", "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert "DEAD_LETTER_QUEUE" in done.stderr
    assert "STORE" in done.stderr


def test_the_package_is_standard_library_and_boto3(package: Path) -> None:
    """Lambda's runtime brings boto3; anything else would have to be in the zip."""
    assert {path.name for path in package.iterdir()} == {
        "twin_runtime",
        "twin_aws",
        "twin.json",
        "processors",
        "dashboards",
        "grafana.json",
    }
    assert json.loads((package / "twin.json").read_text())["twin"] == "factory"
