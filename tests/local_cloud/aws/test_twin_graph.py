"""A twin whose graph is in AWS, on one machine: its package runs twin_sync, twin_connector, twin_reader."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from pathlib import Path
from ssl import create_default_context
from typing import Any

import pytest

from local_cloud.cloud import LocalCloud
from simulator import clients, endpoint
from support.graphs import EDGES, GRAPH_DOCUMENT, HALL
from support.layouts import Layout, config_of, twin_data
from support.local import local_twin, until
from twin_runtime import times
from twin_runtime.roles import Cloud

pytestmark = [pytest.mark.servers, pytest.mark.terraform]

AWS, GCP = Cloud.AWS, Cloud.GCP
HERE, ELSEWHERE = Layout(AWS, AWS, AWS, l4=AWS), Layout(AWS, AWS, GCP, l4=AWS)
AT = times.from_epoch(time.time() - 60)


def data(layout: Layout) -> dict[str, Any]:
    """The sample graph's twin."""
    sample = GRAPH_DOCUMENT["model"]
    kinds = GRAPH_DOCUMENT["device_types"].items()
    return twin_data(
        layout,
        events=False,
        device_types={name: {k: v for k, v in kind.items() if k != "processor"} for name, kind in kinds},
        devices=[{"id": id_, "type": type_} for id_, type_ in GRAPH_DOCUMENT["devices"].items()],
        model={
            "types": sample["types"],
            "entities": [{"id": id_, **entity} for id_, entity in sample["entities"].items()],
            "relationships": [{"from": a, "name": b, "to": c} for a, b, c in sample["relationships"]],
        },
    )


def read(twin: LocalCloud, ca_file: Path, **query: str) -> Any:
    """What twin_reader answers at its public endpoint."""
    url = f"{twin.outputs['graph_api_url']}?{urllib.parse.urlencode(query)}"
    request = urllib.request.Request(url, headers={"x-api-key": twin.outputs["graph_api_key"]})
    with urllib.request.urlopen(
        request, context=create_default_context(cafile=str(ca_file)), timeout=60
    ) as answer:
        return json.load(answer)


def measure(twin: LocalCloud, device: str, values: dict[str, Any]) -> None:
    """Have a device send a reading."""
    where = endpoint.parse(twin.endpoint)
    with clients.connect(where, device) as client:
        client.send(json.dumps({"id": "e1", "time": AT, "data": values}).encode())


def check(twin: LocalCloud) -> None:
    aws: Any = twin.clouds["aws"]
    ca_file = aws.server.ca_file
    wanted = {*GRAPH_DOCUMENT["devices"], *GRAPH_DOCUMENT["model"]["entities"]}

    def whole() -> bool:
        aws.run("twin_sync")
        found = {each["id"] for each in read(twin, ca_file)["twins"]}
        edges = [
            (each["from"], each["name"], each["to"])
            for id_ in wanted
            for each in read(twin, ca_file, id=id_, relationships="out")["relationships"]
        ]
        return found == wanted and sorted(edges) == sorted((e.source, e.name, e.target) for e in EDGES)

    assert until(whole, seconds=120)
    hall = read(twin, ca_file, id="hall-1")
    assert (hall["type"], hall["name"], hall["properties"]) == ("room", HALL.name, dict(HALL.properties))
    incoming = read(twin, ca_file, id="hall-1", relationships="in")
    assert incoming["relationships"] == [{"from": "press-7", "name": "cools", "to": "hall-1"}]
    values = {"flow": 2.5, "turns": 3, "open": True, "mode": "é"}
    measure(twin, "pump-1", values)
    assert until(lambda: read(twin, ca_file, id="pump-1")["time"] == AT, seconds=120)
    pump = read(twin, ca_file, id="pump-1")
    assert pump["values"] == values
    (listed,) = read(twin, ca_file, type="pump")["twins"]
    assert listed == pump


@pytest.mark.parametrize(
    "layout", [pytest.param(HERE, id="here"), pytest.param(ELSEWHERE, id="elsewhere", marks=pytest.mark.slow)]
)
def test_the_graph_of_a_whole_twin(layout: Layout, tmp_path: Path) -> None:
    with local_twin(config_of(data(layout)), tmp_path) as twin:
        check(twin)
