"""A device is erased from the other clouds' own services, by their adapters; `test_cli` has AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from itertools import count
from typing import Any

import pytest
from azure.cosmos import CosmosClient, PartitionKey
from azure.storage.blob import ContainerClient, StandardBlobTier

from azure import servers, twins
from azure.servers import COSMOS_KEY, KEY
from gcp import servers as google_servers
from local_cloud.gcp.storage import Storage
from operations.access import Access
from operations.erase.begun import SETTLE_S
from operations.erase.erasing import Erasure, Means
from operations.erase.files import Bucket
from operations.erase.values import Node
from operations.restore.locations import Location
from support.graphs import GRAPH_TWIN
from support.samples import log
from support.servers import free_port
from twin_azure.digital_twins import DigitalTwins
from twin_runtime.errors import Refused
from twin_runtime.graph import graph as desired
from twin_runtime.ports import GraphWriter
from twin_runtime.tiers import tier_files
from twin_runtime.tiers.catalogue import Catalogue

from ..restore import samples
from ..restore.samples import DAYS, DEVICE
from .world import ALL, NOW, OTHER, at, reading, record

CATALOGUES = "operations.restore.catalogues"
numbers = count(1)


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@contextmanager
def azure(clock: Clock) -> Iterator[Means]:
    """Its first file is archived; the state of rules is in none of these."""
    with servers.cosmos() as url, servers.azurite() as storage, twins.running() as instance:
        client = CosmosClient(url, COSMOS_KEY, enable_endpoint_discovery=False)
        client.create_database("twin").create_container("rows", PartitionKey("/device"))
        ContainerClient(storage.blobs, "files", KEY).create_container()
        access = Access(endpoints={"azure": {"cosmos_key": COSMOS_KEY, "storage_key": KEY}})
        hot = Location("hot", "azure", f"{url}/dbs/twin/colls/rows")
        cold = Location("cold", "azure", f"{storage.blobs}/files?tier=Cool")
        bucket = _filled(access, cold)
        first = bucket.objects.names("events/")[0]
        blob = ContainerClient(storage.blobs, "files", KEY).get_blob_client(first)
        blob.set_standard_blob_tier(StandardBlobTier.ARCHIVE)
        graph = DigitalTwins.at(instance.url, twins.Credential(), GRAPH_TWIN)
        store = access.to("azure").store(hot.address)
        place = Location("graph", "azure", instance.url)
        yield Means(GRAPH_TWIN, [(hot, store)], [bucket], (place, _graph(graph)), None, 7, clock)


@contextmanager
def gcp(clock: Clock) -> Iterator[Means]:
    port = free_port()
    with (
        google_servers.firestore() as host,
        closing(Storage(port)) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("FIRESTORE_EMULATOR_HOST", host)
        server.create([{"name": "files", "storage_class": "NEARLINE"}])
        access = Access(endpoints={"gcp": {"firestore": host, "storage": f"http://127.0.0.1:{port}"}})
        reach = access.to("gcp")
        hot, graph, state = (
            Location(kind, "gcp", f"projects/p/databases/{kind}") for kind in ("hot", "graph", "state")
        )
        states = reach.state_store(state.address)
        states.put_if_absent(DEVICE, record(at(1)))
        states.put_if_absent(OTHER, record(at(1)))
        yield Means(
            GRAPH_TWIN,
            [(hot, reach.store(hot.address))],
            [_filled(access, Location("cold", "gcp", "gs://files"))],
            (graph, _graph(reach.graph(graph.address, GRAPH_TWIN))),
            (state, states),
            7,
            clock,
        )


def _filled(access: Access, location: Location) -> Bucket:
    objects = access.to(location.cloud).objects(location.address)
    samples.put(objects, *(samples.file(samples.rows_of(day)) for day in DAYS))
    index = Catalogue(objects, samples.TWIN, log=log("erase")[0])
    return Bucket(location, access.adapter(CATALOGUES, location), objects, index)


def _graph(graph: GraphWriter) -> GraphWriter:
    graph.prepare(GRAPH_TWIN)
    for device in (DEVICE, OTHER):
        graph.put_twin(desired.desired(GRAPH_TWIN).twins[device], digest="d")
        graph.set_values(device, {"temperature": 20.0}, at(1))
    return graph


@pytest.mark.servers
@pytest.mark.parametrize("cloud", [azure, gcp])
def test_a_device_is_erased_and_another_stays(
    cloud: Callable[[Clock], AbstractContextManager[Means]],
) -> None:
    clock = Clock()
    with cloud(clock) as means:
        ((_, store),) = means.stores
        store.put([reading(device, days) for device in (DEVICE, OTHER) for days in (1, 2)])
        first = Erasure(means, ALL).run()
        assert first.node is Node.REPLACED
        assert first.rules is (means.rules is not None)
        assert len(first.late) == (cloud is azure)
        while first.late:
            first = Erasure(means, ALL).run()
        clock.now += SETTLE_S + 60
        erasure = Erasure(means, ALL)
        assert erasure.run().complete
        erasure.end()

        left = {device: _rows(store, device) for device in (DEVICE, OTHER, "~erasures")}
        assert left == {DEVICE: 0, OTHER: 2, "~erasures": 0}
        objects = means.buckets[0].objects
        found = [
            row
            for name in objects.names("events/")
            for row in tier_files.unpack(_readable(objects, name), name, GRAPH_TWIN)
        ]
        assert [(row.device, row.time[:10]) for row in found] == [
            (OTHER, day) for day in DAYS for _ in range(2)
        ]
        assert means.graph
        values = {device: means.graph[1].twin(device) for device in (DEVICE, OTHER)}
        assert {device: twin and twin.values for device, twin in values.items()} == {
            DEVICE: {},
            OTHER: {"temperature": 20.0},
        }
        if means.rules:
            assert list(means.rules[1].read([DEVICE, OTHER])) == [OTHER]


def _readable(objects: Any, name: str) -> bytes:
    try:
        return objects.get(name)
    except Refused:
        objects.thaw(name, days=1)
        return objects.get(name)


def _rows(store: Any, device: str) -> int:
    return len(store.query(device, start="0", end="9", limit=100, cursor=None, descending=False).rows)
