"""EventBridge Scheduler's part: the calls of a function's schedules, made when they are asked for."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local_cloud.errors import LocalCloudError
from local_cloud.standins import Evaluated

_SCHEDULE = "aws_scheduler_schedule"
_TAIL = 600


def run(role: str, evaluated: Evaluated, client: Any) -> None:
    """Call the function `role` with the input of each of its schedules, all at a time; returns when all have
    ended. Raises `LocalCloudError` with the function's last words when one fails. `client` is Lambda's.
    """
    functions = evaluated.of("aws_lambda_function")
    arn = functions[role]["arn"] if role in functions else None
    targets = [schedule["target"][0] for schedule in evaluated.of(_SCHEDULE).values()]
    mine = [target for target in targets if target["arn"] == arn]
    if not mine:
        raise LocalCloudError(f"No schedule of the stack calls {role}.")
    with ThreadPoolExecutor(len(mine)) as pool:
        problems = [problem for problem in pool.map(lambda target: _call(client, target), mine) if problem]
    if problems:
        raise LocalCloudError(f"A run of {role} failed: {problems[0]}")


def _call(client: Any, target: Mapping[str, Any]) -> str:
    """What the function says of its failure; empty where there is none."""
    answer = client.invoke(FunctionName=target["arn"], Payload=target["input"], LogType="Tail")
    said = answer["Payload"].read().decode("utf-8", "replace")
    if "FunctionError" not in answer:
        return ""
    log = b64decode(answer.get("LogResult", "")).decode("utf-8", "replace")
    return f"{said} {log[-_TAIL:]}".strip()
