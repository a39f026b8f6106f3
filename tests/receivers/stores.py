"""The hot stores of the three clouds on local servers, as `ports.Store` by the product's own adapters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from azure.cosmos import CosmosClient, PartitionKey
from moto import mock_aws

from azure.servers import COSMOS_KEY, cosmos
from gcp.servers import firestore
from support.memory import MemoryCloud
from twin_aws.clients import client
from twin_aws.cloud import Aws
from twin_azure.store import CosmosStore
from twin_gcp.cloud import GcpCloud
from twin_runtime.ports import Store

TABLE = "factory-hot"
SetVariable = Callable[[str, str], None]


class StoredIn(MemoryCloud):
    """A cloud with a store that is not in memory."""

    def __init__(self, name: str, store: Store) -> None:
        super().__init__(name)
        self._store = store

    def store(self, address: str) -> Store:  # type: ignore[override]
        return self._store


@contextmanager
def dynamodb(set_variable: SetVariable) -> Iterator[Store]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        set_variable(name, "dummy")
    set_variable("AWS_DEFAULT_REGION", "eu-central-1")
    client.cache_clear()
    with mock_aws():
        client("dynamodb").create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "device", "KeyType": "HASH"},
                {"AttributeName": "key", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("device", "key")
            ],
        )
        yield Aws().store(TABLE)
    client.cache_clear()


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


STORES = {"aws": dynamodb, "azure": cosmos_db, "gcp": firestore_database}
