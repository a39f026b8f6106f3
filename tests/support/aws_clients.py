"""Clients of AWS for tests of adapters: on moto, or failing as told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from twin_aws.clients import client


@contextmanager
def mocked() -> Iterator[None]:
    """Every client of boto3, those of `twin_aws.clients` included, calls moto until the end of the block."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            patch.setenv(name, "dummy")
        for name in ("AWS_REGION", "AWS_ENDPOINT_URL"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        client.cache_clear()
        with mock_aws():
            yield
        client.cache_clear()


def failing(code: str) -> Any:
    """A client whose calls fail with `code`."""

    class Failing:
        def __getattr__(self, name: str) -> Any:
            def call(**_: Any) -> Any:
                raise ClientError({"Error": {"Code": code, "Message": "secret detail"}}, name)

            return call

    return Failing()
