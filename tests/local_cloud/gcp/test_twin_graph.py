"""The twin graph on the local Google Cloud: kept by the clock, and read."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from support.layouts import Layout
from support.local_gcp import DEVICE, Twin, running
from twin_runtime.roles import Cloud

pytestmark = [pytest.mark.servers, pytest.mark.terraform]
MODEL = {
    "types": {"hall": {"properties": {"floor": {"type": "integer"}}}},
    "entities": [{"id": "hall-1", "type": "hall", "name": "Hall 1", "properties": {"floor": 1}}],
    "relationships": [{"from": "hall-1", "name": "contains", "to": DEVICE}],
}
HALL = {
    "id": "hall-1",
    "type": "hall",
    "name": "Hall 1",
    "properties": {"floor": 1},
    "values": {},
    "time": None,
}
EDGE = {"from": "hall-1", "name": "contains", "to": DEVICE}


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    layout = Layout(Cloud.GCP, Cloud.GCP, Cloud.GCP, l4=Cloud.GCP)
    with running(tmp_path_factory.mktemp("gcp"), layout=layout, model=MODEL) as twin:
        twin.cloud.run("twin_sync")
        yield twin


def test_the_model_is_in_the_graph(twin: Twin) -> None:
    assert twin.graph(id="hall-1") == (200, HALL)
    assert twin.graph(id="hall-1", relationships="out")[1]["relationships"] == [EDGE]
    assert twin.graph(id=DEVICE, relationships="in")[1]["relationships"] == [EDGE]
    assert [each["id"] for each in twin.graph(type="hall")[1]["twins"]] == ["hall-1"]
    assert twin.graph(id="hall-2")[0] == 404


def test_the_newest_reading_is_in_the_graph_after_a_run(twin: Twin) -> None:
    for temperature in (20.5, 21.5):
        twin.publish({"temperature": temperature, "other": 1})
    deadline = time.monotonic() + 20
    while len(twin.rows()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    twin.cloud.run("twin_sync")
    status, found = twin.graph(id=DEVICE)
    newest = max(key for _, key in twin.rows())
    assert status == 200
    assert found["time"] == newest.partition("#")[0]
    assert found["values"]["temperature"] in (20.5, 21.5)
    assert found["values"].keys() == {"temperature"}
