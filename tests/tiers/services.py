"""Hot stores and tiers of the three clouds: the product's own adapters on local servers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import copy
from functools import cached_property
from typing import Any
from unittest.mock import patch

from azure.storage.blob import ContainerClient
from moto import mock_aws
from moto.dynamodb.models.table import Table

from azure.servers import KEY, azurite
from local_cloud.gcp.storage import Storage
from local_cloud.processes import free_port
from receivers import stores
from support.memory import MemoryCloud
from twin_aws.clients import client
from twin_aws.cloud import Aws
from twin_aws.dynamodb import DynamoStore
from twin_azure.blobs import BlobObjects
from twin_gcp.cloud import Endpoints, GcpCloud
from twin_runtime import times
from twin_runtime.ports import CONFLICT, Objects, Row, Store, Unstored
from twin_runtime.tiers import due_rows

_numbers = itertools.count(1)


class Services:
    """Starts what is asked for, once; within a context."""

    def __init__(self, set_variable: Callable[[str, str], None]) -> None:
        self._set_variable = set_variable
        self._stack = ExitStack()
        self._stores: dict[str, Store] = {}

    def __enter__(self) -> Services:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def store(self, cloud: str) -> Store:
        """The cloud's hot store, the same each time."""
        if cloud not in self._stores:
            start = _dynamo_db if cloud == "aws" else stores.STORES[cloud]
            self._stores[cloud] = self._stack.enter_context(start(self._set_variable))
        return self._stores[cloud]

    def tier(self, cloud: str, kind: str) -> Objects:
        """A new and empty bucket; `kind` is cold or archive."""
        return getattr(self, f"_{cloud}")(f"factory-{kind}-{next(_numbers)}", kind == "cold")

    def _aws(self, name: str, cold: bool) -> Objects:
        self.store("aws")  # it is in the same stand-in for AWS
        client("s3").create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        return Aws().objects(f"s3://{name}?class={'STANDARD_IA' if cold else 'DEEP_ARCHIVE'}")

    def _azure(self, name: str, cold: bool) -> Objects:
        container = ContainerClient(self._blobs, name, KEY)
        container.create_container()
        return BlobObjects.at(f"{container.url}?tier={'Cool' if cold else 'Archive'}", KEY)

    def _gcp(self, name: str, cold: bool) -> Objects:
        self._storage[0].create([{"name": name, "storage_class": "NEARLINE" if cold else "ARCHIVE"}])
        return GcpCloud(endpoints=Endpoints(storage=self._storage[1])).objects(f"gs://{name}")

    @cached_property
    def _blobs(self) -> str:
        return self._stack.enter_context(azurite()).blobs

    @cached_property
    def _storage(self) -> tuple[Storage, str]:
        port = free_port()
        storage = Storage(port)
        self._stack.callback(storage.close)
        return storage, f"http://127.0.0.1:{port}"


@contextmanager
def _dynamo_db(set_variable: stores.SetVariable) -> Iterator[Store]:
    """On moto, which has S3 beside it, and is fast enough for many rows. It cannot insert with PartiQL."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        set_variable(name, "dummy")
    set_variable("AWS_DEFAULT_REGION", "eu-central-1")
    client.cache_clear()
    with (
        mock_aws(),
        patch.object(Table, "query", _of_one_partition(Table.query)),
        patch.object(DynamoStore, "put_if_absent", _put_if_absent),
    ):
        stores.create(client("dynamodb"))
        yield Aws().store(stores.TABLE)
    client.cache_clear()


def _put_if_absent(store: DynamoStore, rows: Sequence[Row], *, deadline: float = math.inf) -> list[Unstored]:
    """Movers insert notes alone, and here one run at a time."""
    lost: list[Unstored] = []
    for index, row in enumerate(rows):
        found = due_rows.read(store, row.device, start=times.EARLIEST, end=times.LATEST)
        there = next((each for each in found if each.key == row.key), None)
        if there is None:
            assert not store.put([row], deadline=deadline)
        elif not there.same_content(row):
            lost.append(Unstored(index, CONFLICT, permanent=True))
    return lost


def _of_one_partition(query: Callable[..., Any]) -> Callable[..., Any]:
    """moto sorts the whole table for each query, which takes seconds of 50,000 rows. It gives the same of the
    partition that is asked for.
    """

    def asked(table: Any, hash_key: Any, *rest: Any, **named: Any) -> Any:
        partition = copy(table)
        partition.items = {hash_key: table.items[hash_key]} if hash_key in table.items else {}
        return query(partition, hash_key, *rest, **named)

    return asked


class TierIn(MemoryCloud):
    """A cloud whose tier is not in memory."""

    def __init__(self, name: str, objects: Objects) -> None:
        super().__init__(name)
        self._objects = objects

    def objects(self, address: str) -> Objects:  # type: ignore[override]
        return self._objects
