"""Starts executions of a Step Functions state machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from twin_aws.clients import calling, code_of
from twin_runtime import jsontext
from twin_runtime.errors import Refused

# Said of a name whose execution has run, or runs with another input. A name stays taken for 90 days.
_STARTED = "ExecutionAlreadyExists"
_NEVER = ("InvalidExecutionInput", "InvalidName", "ValidationException")


class StateMachine:
    """`ports.Workflow` at a state machine's ARN."""

    def __init__(self, arn: str, client: Any) -> None:
        self._arn = arn
        self._client = client

    def start(self, name: str, payload: Mapping[str, Any]) -> None:
        with calling("Step Functions"):
            try:
                self._client.start_execution(
                    stateMachineArn=self._arn, name=name, input=jsontext.dumps(payload)
                )
            except ClientError as error:
                code = code_of(error)
                if code in _NEVER:
                    raise Refused(f"Step Functions refused the execution ({code}).") from error
                if code != _STARTED:
                    raise
