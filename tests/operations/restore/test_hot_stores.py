"""Rows come back into the other clouds' own databases, reached as an operator does: a Cosmos DB server, a
Firestore emulator.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count

import pytest
from azure.cosmos import CosmosClient, PartitionKey

from azure import servers
from azure.servers import COSMOS_KEY
from gcp import servers as google_servers
from operations.access import Access
from operations.restore.files import Range
from operations.restore.restoring import load
from twin_runtime import times
from twin_runtime.ports import Store
from twin_runtime.storage import holds
from twin_runtime.tiers.due_rows import read

from . import samples
from .samples import DAYS, DEVICE, TYPE

RANGE = Range(DEVICE, TYPE, times.normalise(samples.FROM), times.normalise(samples.TO))
ROWS = [row for day in DAYS[1:4] for row in samples.rows_of(day, [DEVICE])][1:-1]
numbers = count(1)


@contextmanager
def cosmos() -> Iterator[Store]:
    with servers.cosmos() as url:
        client = CosmosClient(url, COSMOS_KEY, enable_endpoint_discovery=False)
        database = client.create_database("twin")
        database.create_container("rows", PartitionKey("/device"))
        reach = Access(endpoints={"azure": {"cosmos_key": COSMOS_KEY}}).to("azure")
        yield reach.store(f"{url}/dbs/twin/colls/rows")


@contextmanager
def firestore() -> Iterator[Store]:
    with google_servers.firestore() as host, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTORE_EMULATOR_HOST", host)
        reach = Access(endpoints={"gcp": {"firestore": host}}).to("gcp")
        yield reach.store(f"projects/p{next(numbers)}/databases/(default)")


@pytest.mark.servers
@pytest.mark.parametrize("started", [cosmos, firestore])
def test_rows_come_back_once_and_on_hold(started: Callable[[], AbstractContextManager[Store]]) -> None:
    with started() as store:
        done = [load(store, ROWS, RANGE, days=3) for _ in range(2)]
        assert [each.rows for each in done] == [4, 4]
        assert done[0].until == done[1].until
        assert 2.9 * 86_400 < done[0].until - time.time() <= 3 * 86_400
        there = list(read(store, DEVICE, start=RANGE.start, end=RANGE.end))
        assert [(row.key, row.data, row.expires) for row in there] == [
            (row.key, row.data, done[0].until) for row in ROWS
        ]
        assert holds.read(store) == [holds.Hold(DEVICE, RANGE.start, RANGE.end, done[0].until)]
