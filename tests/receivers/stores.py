"""The hot stores of the three clouds on local servers, as `ports.Store` by the product's own adapters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from azure.cosmos import CosmosClient, PartitionKey

from azure.servers import COSMOS_KEY, cosmos
from gcp.servers import firestore
from support.memory import MemoryCloud
from support.servers import ministack
from twin_aws.dynamodb import DynamoStore
from twin_azure.store import CosmosStore
from twin_gcp.cloud import GcpCloud
from twin_runtime.ports import Store

TABLE = "factory-hot"
STACK = {"provider": {"aws": [{"region": "eu-central-1"}]}, "resource": {}}
SetVariable = Callable[[str, str], None]


class StoredIn(MemoryCloud):
    """A cloud with a store that is not in memory."""

    def __init__(self, name: str, store: Store) -> None:
        super().__init__(name)
        self._store = store

    def store(self, address: str) -> Store:  # type: ignore[override]
        return self._store


def create(dynamodb: Any) -> None:
    """The table, by a client of boto3."""
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "device", "KeyType": "HASH"},
            {"AttributeName": "key", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("device", "key")],
    )


@contextmanager
def dynamo_db(_: SetVariable) -> Iterator[Store]:
    """moto cannot stand for it: it reads no INSERT that has parameters."""
    with TemporaryDirectory() as folder, ministack(Path(folder), STACK) as cloud:
        create(cloud.client("dynamodb"))
        yield DynamoStore(TABLE, cloud.client("dynamodb"))


@contextmanager
def cosmos_db(_: SetVariable) -> Iterator[Store]:
    with cosmos() as account:
        made = CosmosClient(account, COSMOS_KEY, enable_endpoint_discovery=False)
        made.create_database("factory").create_container("events", PartitionKey("/device"))
        url = f"{account}/dbs/factory/colls/events"
        yield CosmosStore.at(url, COSMOS_KEY, enable_endpoint_discovery=False)


@contextmanager
def firestore_database(set_variable: SetVariable) -> Iterator[Store]:
    with firestore() as host:
        set_variable("FIRESTORE_EMULATOR_HOST", host)
        yield GcpCloud().store("projects/my-project/databases/factory")


STORES = {"aws": dynamo_db, "azure": cosmos_db, "gcp": firestore_database}
