"""What is in a store, where one cheap request can tell; `None` where nobody can."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from command.plan.reading import Loss
from twinspan.config import Config

_WORKERS = 8
_PATIENCE = {"connect_timeout": 5, "read_timeout": 10, "retries": {"total_max_attempts": 2}}


@dataclass(frozen=True)
class Contents:
    """The words for what is in a resource, and whether there is anything; None: nobody can tell."""

    words: str
    holds_something: bool | None


UNKNOWN = Contents("unknown contents", None)


def read(losses: Iterable[Loss], config: Config) -> dict[str, Contents]:
    """The contents of each resource, by address."""
    listed = list(losses)
    aws = config.clouds.aws
    clients = _clients(aws.region) if aws and any(each.kind in _READERS for each in listed) else None

    def one(loss: Loss) -> Contents:
        reader = _READERS.get(loss.kind)
        # Every failure of a look into a store ends with "unknown": a plan needs no permission to read data.
        if reader and clients:
            with suppress(Exception):
                return reader(clients, loss.values)
        return UNKNOWN

    with ThreadPoolExecutor(_WORKERS) as pool:
        return dict(zip((each.address for each in listed), pool.map(one, listed), strict=True))


def _clients(region: str) -> Callable[[str], Any] | None:
    """boto3's clients by service; None where boto3 is not installed."""
    with suppress(ImportError):
        from botocore.config import Config as ClientConfig

        from operations.reach import aws

        aws.connect(region, {})
        import boto3

        settings = ClientConfig(**_PATIENCE)
        return lambda service: boto3.client(service, region_name=region, config=settings)
    return None


def _rows(clients: Callable[[str], Any], values: Mapping[str, Any]) -> Contents:
    table = clients("dynamodb").describe_table(TableName=values["name"])["Table"]
    count = table["ItemCount"]  # AWS counts every six hours: zero may be out of date
    return Contents(f"about {count:,} rows" if count else "rows not counted yet", bool(count) or None)


def _messages(clients: Callable[[str], Any], values: Mapping[str, Any]) -> Contents:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = clients("sqs").get_queue_attributes(QueueUrl=values["id"], AttributeNames=names)["Attributes"]
    count = sum(int(found[name]) for name in names)
    return Contents(f"about {count:,} messages" if count else "no messages", bool(count))


def _files(clients: Callable[[str], Any], values: Mapping[str, Any]) -> Contents:
    found = clients("s3").list_object_versions(Bucket=values["bucket"], MaxKeys=1)
    some = bool(found.get("Versions") or found.get("DeleteMarkers"))
    return Contents("files" if some else "no files", some)


_READERS: Mapping[str, Callable[[Callable[[str], Any], Mapping[str, Any]], Contents]] = {
    "aws_dynamodb_table": _rows,
    "aws_sqs_queue": _messages,
    "aws_s3_bucket": _files,
}
