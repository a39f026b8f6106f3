"""Reads secrets of Secrets Manager."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from twin_aws.clients import calling, code_of
from twin_runtime.errors import SecretMissing

# The second is said of a secret that waits for its deletion.
_MISSING = ("ResourceNotFoundException", "InvalidRequestException")


class AwsSecret:
    """`ports.SecretSource` at an ARN."""

    def __init__(self, arn: str, client: Any) -> None:
        self._arn = arn
        self._client = client

    def fetch(self) -> str:
        with calling("Secrets Manager"):
            try:
                return self._client.get_secret_value(SecretId=self._arn)["SecretString"]
            except ClientError as error:
                if code_of(error) in _MISSING:
                    raise SecretMissing("The secret has no value yet.") from error
                raise
