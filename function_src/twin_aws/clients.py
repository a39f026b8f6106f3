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

from twin_runtime import deadlines
from twin_runtime.deadlines import Service
from twin_runtime.errors import Retry, Throttled
from twin_runtime.roles import Cloud

_SERVICES = {"s3": Service.OBJECTS, "iottwinmaker": Service.GRAPH}
"""Those with bounds of their own."""
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
    bounds = deadlines.bounds(Cloud.AWS, _SERVICES.get(service, Service.QUEUE))
    config = Config(
        connect_timeout=bounds.connect_s,
        read_timeout=bounds.answer_s,
        retries={"mode": "standard", "total_max_attempts": bounds.tries},
        tcp_keepalive=True,
    )
    made = boto3.client(service, config=config, endpoint_url=endpoint)
    # The pause before the second try is a second at most, unless a service asks for more.
    name = made.meta.service_model.service_id.hyphenize()
    made.meta.events.register_first(f"needs-retry.{name}", _forget_pause)
    return made


def _forget_pause(response: tuple[Any, Any] | None, **_: Any) -> None:
    """Take away the pause of up to six seconds that a service asks for, before botocore reads of it."""
    if response is not None:
        response[0].headers.pop("x-amz-retry-after", None)


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
