"""EventBridge Scheduler's calls, when they are asked for."""

from __future__ import annotations

import json
from base64 import b64encode
from io import BytesIO
from typing import Any

import pytest

from local_cloud.aws import scheduler
from local_cloud.errors import LocalCloudError
from local_cloud.standins import Evaluated

MOVER = "arn:aws:lambda:eu-central-1:000000000000:function:factory-cold-mover"
OTHER = MOVER.replace("cold", "archive")


class Lambda:
    """Partitions in `fails` fail."""

    def __init__(self, *fails: int) -> None:
        self.fails = fails
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def invoke(self, *, FunctionName: str, Payload: str, LogType: str) -> dict[str, Any]:
        given = json.loads(Payload)
        self.calls.append((FunctionName, given))
        if given["partition"] not in self.fails:
            return {"Payload": BytesIO(b"null")}
        return {
            "Payload": BytesIO(b'{"errorType": "Retry"}'),
            "FunctionError": "Unhandled",
            "LogResult": b64encode(b"its last words").decode(),
        }


def schedule(arn: str, partition: int) -> dict[str, Any]:
    return {"target": [{"arn": arn, "input": json.dumps({"partition": partition, "partitions": 2})}]}


STACK = Evaluated(
    {
        "aws_lambda_function.cold_mover": {"arn": MOVER},
        'aws_scheduler_schedule.cold_mover["0"]': schedule(MOVER, 0),
        'aws_scheduler_schedule.cold_mover["1"]': schedule(MOVER, 1),
        'aws_scheduler_schedule.archive_mover["0"]': schedule(OTHER, 0),
    },
    {},
)


def test_the_function_is_called_with_the_input_of_each_of_its_schedules() -> None:
    client = Lambda()
    scheduler.run("cold_mover", STACK, client)
    assert sorted(client.calls, key=str) == [
        (MOVER, {"partition": number, "partitions": 2}) for number in range(2)
    ]


def test_a_run_that_fails_is_told_with_the_function_s_last_words() -> None:
    with pytest.raises(LocalCloudError, match=r"cold_mover failed: .*Retry.* its last words"):
        scheduler.run("cold_mover", STACK, Lambda(1))


@pytest.mark.parametrize("role", ["archive_mover", "writer"])
def test_a_function_that_no_schedule_calls(role: str) -> None:
    with pytest.raises(LocalCloudError, match=f"No schedule of the stack calls {role}"):
        scheduler.run(role, STACK, Lambda())
