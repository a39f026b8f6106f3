"""The twin graph in TwinMaker's stand-in, whose component types are those of the CloudFormation template, and
whose connector is twin_connector on a store in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from botocore.config import Config as ClientConfig

from contract.graph_contract import GraphContract
from local_cloud.aws.twinmaker import TwinMaker
from local_cloud.aws.workspace import Workspace
from support.graphs import GRAPH_DOCUMENT, GRAPH_TWIN, HALL, measurement
from support.layouts import Layout, config_of, twin_data
from support.local import until
from support.memory import MemoryGraph, MemoryStore
from support.samples import log
from twin_aws.twinmaker import TwinMakerGraph
from twin_runtime.functions.twin_connector import TwinConnector
from twin_runtime.functions.twin_sync import TwinSync
from twin_runtime.ports import GraphTwin, GraphWriter
from twin_runtime.roles import Cloud
from twin_runtime.storage import rows
from twin_runtime.storage.reader_client import LocalReader
from twinspan.aws import twinmaker

CONNECTOR = "arn:aws:lambda:eu-central-1:123456789012:function:factory-twin-connector"
NOW = 1_709_300_000.0


def template() -> dict[str, Any]:
    """That of the sample graph's twin."""
    model = GRAPH_DOCUMENT["model"]
    kinds = GRAPH_DOCUMENT["device_types"].items()
    data = twin_data(
        Layout(Cloud.AWS, Cloud.AWS, Cloud.AWS, l4=Cloud.AWS),
        device_types={name: {k: v for k, v in kind.items() if k != "processor"} for name, kind in kinds},
        devices=[{"id": id_, "type": type_} for id_, type_ in GRAPH_DOCUMENT["devices"].items()],
        model={
            "types": model["types"],
            "entities": [{"id": id_, **entity} for id_, entity in model["entities"].items()],
            "relationships": [{"from": a, "name": b, "to": c} for a, b, c in model["relationships"]],
        },
    )
    return twinmaker.template(
        config_of(data),
        workspace="factory-graph",
        bucket="factory-graph-123456789012-eu-central-1",
        role="arn:aws:iam::123456789012:role/factory-graph",
        connector=CONNECTOR,
        tags={"twin": "factory"},
    )


class Bench(TwinMakerGraph):
    """The graph in a stand-in of its own, with the store that its connector reads."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = MemoryStore()
        reader = LocalReader(self.store, GRAPH_TWIN, clock=lambda: NOW)
        self.connector = TwinConnector(twin=GRAPH_TWIN, reader=reader, log=log("twin_connector")[0])
        self.asked: list[dict[str, Any]] = []
        self.workspace = Workspace(template(), connector=self._ask, region="eu-central-1", settles=0.01)
        self.server = TwinMaker(self.workspace)
        client = boto3.client(
            "iottwinmaker",
            endpoint_url=self.server.url,
            region_name="eu-central-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=ClientConfig(
                inject_host_prefix=False, max_pool_connections=20, retries={"total_max_attempts": 1}
            ),
        )
        super().__init__("factory-graph", GRAPH_TWIN, client)
        monkeypatch.setattr("twin_aws.twinmaker._PAUSES", (0.02, 0.02, 0.05, 0.1))

    def measure(self, device: str, values: Mapping[str, Any], time: str) -> None:
        self.store.put([rows.from_event(measurement(device, time, values, f"e{time}"), GRAPH_TWIN, NOW)])

    def _ask(self, function: str, request: dict[str, Any]) -> dict[str, Any]:
        assert function == CONNECTOR
        self.asked.append(request)
        return self.connector.handle(request)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    made = Bench(monkeypatch)
    yield made
    made.server.close()


@pytest.mark.servers
class TestTwinMaker(GraphContract):
    sets_values = False

    @pytest.fixture
    def graph(self, bench: Bench) -> GraphWriter:
        return bench

    def tell(self, graph: Any, device: str, values: Mapping[str, Any], time: str) -> None:
        graph.measure(device, values, time)


class TestInMemory(GraphContract):
    """What the runtime's own tests run on keeps the contract too."""

    @pytest.fixture
    def graph(self) -> GraphWriter:
        return MemoryGraph()


@pytest.mark.servers
def test_entities_of_others_are_left_alone(bench: Bench) -> None:
    bench.workspace.create_entity(entityId="scanner", entityName="Scanner", description="of another team")
    sync = TwinSync(twin=GRAPH_TWIN, graph=bench, reader=None, log=log("twin_sync")[0])
    sync.run(budget=30.0)
    sync.run(budget=30.0)
    assert "scanner" not in dict(bench.digests())
    assert bench.twin("scanner") is None
    assert bench.workspace.get_entity(entityId="scanner")["status"] == {"state": "ACTIVE"}
    listed, cursor = bench.twins(type=None, cursor=None, limit=50)
    assert (len(listed), cursor) == (len(GRAPH_TWIN.devices) + len(GRAPH_TWIN.model.entities), None)


@pytest.mark.servers
def test_an_entity_that_lost_its_digest_is_ours_again(bench: Bench) -> None:
    bench.put_twin(HALL, digest="d")
    until(lambda: bench.workspace.get_entity(entityId="hall-1")["status"]["state"] == "ACTIVE", seconds=5)
    bench.workspace.update_entity(entityId="hall-1", description="changed by hand")
    assert dict(bench.digests()) == {}
    bench.put_twin(HALL, digest="d")
    assert dict(bench.digests()) == {"hall-1": "d"}


@pytest.mark.servers
def test_metrics_of_older_events_are_asked_for_again(bench: Bench) -> None:
    bench.put_twin(GraphTwin("pump-1", "pump", "pump-1"), digest="d")
    bench.measure("pump-1", {"turns": 3}, "2024-02-29T11:00:00.000000Z")
    for minute in range(10, 20):
        bench.measure("pump-1", {"flow": minute}, f"2024-02-29T12:{minute}:00.000000Z")
    found = bench.twin("pump-1")
    assert found is not None
    assert found.values == {"flow": 19.0, "turns": 3}
    assert [request["selectedProperties"] for request in bench.asked] == [
        ["flow", "turns", "open", "mode"],
        ["turns", "open", "mode"],
        ["open", "mode"],
    ]
