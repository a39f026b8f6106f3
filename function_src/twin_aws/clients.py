"""Clients of AWS services, one of each per process, and what their errors mean to the runtime.

Importing this module imports boto3: only an adapter does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from twin_runtime.errors import Retry, Throttled

# A call that hangs must not use up the function's time: the message is tried again anyway.
_CONFIG = Config(
    connect_timeout=3,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 3},
    tcp_keepalive=True,
)
_THROTTLING = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


@cache
def client(service: str, endpoint: str | None = None) -> Any:
    """The client of a service; safe for several threads. `endpoint` is a URL where the account has one of its
    own."""
    return boto3.client(service, config=_CONFIG, endpoint_url=endpoint)


def code_of(error: ClientError) -> str:
    """What AWS calls the error, such as `ResourceNotFoundException`."""
    return error.response.get("Error", {}).get("Code", "Unknown").rpartition(".")[2]


@contextmanager
def calling(service: str) -> Iterator[None]:
    """Turns what boto3 raises into `Throttled` or `Retry`; the sentence names the service and the error's
    code alone."""
    try:
        yield
    except ClientError as error:
        code = code_of(error)
        raise (Throttled if code in _THROTTLING else Retry)(f"{service} answered {code}.") from error
    except BotoCoreError as error:
        raise Retry(f"{service} could not be reached ({type(error).__name__}).") from error
