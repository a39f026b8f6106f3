"""What is in a store, where one cheap request can tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from command.plan.reading import Loss
from operations.access import Access
from operations.dead_letters.locations import Location
from twinspan.config import Config

_WORKERS = 8


@dataclass(frozen=True)
class Contents:
    """The words for how much is in a resource, and whether there is anything; None: nobody can tell."""

    words: str
    holds_something: bool | None


UNKNOWN = Contents("not counted", None)


def read(losses: Iterable[Loss], config: Config) -> dict[str, Contents]:
    """The contents of each resource, by address."""
    listed = list(losses)
    access = Access(region=config.clouds.aws.region if config.clouds.aws else None)

    def one(loss: Loss) -> Contents:
        reader = READERS.get(loss.kind)
        # A plan needs neither the SDKs nor the permission to read data: any failure here ends with "unknown".
        if reader:
            with suppress(Exception):
                return reader(access, loss.values)
        return UNKNOWN

    with ThreadPoolExecutor(_WORKERS) as pool:
        return dict(zip((each.address for each in listed), pool.map(one, listed), strict=True))


def _rows(access: Access, values: Mapping[str, Any]) -> Contents:
    table = _aws(access, "dynamodb").describe_table(TableName=values["name"])["Table"]
    count = table["ItemCount"]  # AWS counts every six hours: zero may be out of date
    return Contents(f"about {count:,}" if count else "not counted yet", bool(count) or None)


def _files(access: Access, values: Mapping[str, Any]) -> Contents:
    found = _aws(access, "s3").list_object_versions(Bucket=values["bucket"], MaxKeys=1)
    some = bool(found.get("Versions") or found.get("DeleteMarkers"))
    return Contents("at least one" if some else "none", some)


def _aws(access: Access, service: str) -> Any:
    access.to("aws")
    from twin_aws.clients import client

    return client(service)


def _messages(cloud: str, address: Callable[[Mapping[str, Any]], str]) -> _Reader:
    def read(access: Access, values: Mapping[str, Any]) -> Contents:
        queue = address(values)
        location = Location(cloud, hop="queue", kind="queue", letters=queue, target=queue)
        count = access.adapter("operations.depths", location).waiting()
        if count is None:
            return UNKNOWN
        return Contents(f"about {count:,}" if count else "none", bool(count))

    return read


def _url(values: Mapping[str, Any]) -> str:
    """The address of a storage queue; its own attribute for it is newer than some states."""
    account = values["storage_account_id"].rpartition("/")[2]
    return f"https://{account}.queue.core.windows.net/{values['name']}"


_Reader = Callable[[Access, Mapping[str, Any]], Contents]
READERS: Mapping[str, _Reader] = {
    "aws_dynamodb_table": _rows,
    "aws_s3_bucket": _files,
    "aws_sqs_queue": _messages("aws", lambda values: values["id"]),
    "azurerm_storage_queue": _messages("azure", _url),
    "google_pubsub_subscription": _messages("gcp", lambda values: values["id"]),
}
