"""The twin graph on the local Azure: kept by the clock and by the changes of the hot store, and read."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from support.layouts import Layout
from support.local_azure import DEVICE, OTHER, QUIET, Twin, running
from twin_runtime.roles import Cloud

pytestmark = [
    pytest.mark.servers,
    pytest.mark.terraform,
    pytest.mark.filterwarnings("ignore:Unverified HTTPS request"),
    pytest.mark.filterwarnings("ignore:ssl.PROTOCOL_TLSv1_2"),
]
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
    layout = Layout(Cloud.AZURE, Cloud.AZURE, Cloud.AZURE, l4=Cloud.AZURE)
    with running(tmp_path_factory.mktemp("azure"), layout=layout, model=MODEL) as twin:
        twin.cloud.run("twin_sync")
        yield twin


def values(twin: Twin, device: str = DEVICE) -> Any:
    return twin.graph(id=device)[1]["values"]


def until(twin: Twin, wanted: Any, device: str = DEVICE) -> None:
    deadline = time.monotonic() + 20
    while values(twin, device) != wanted:
        assert time.monotonic() < deadline, values(twin, device)
        time.sleep(0.2)


def test_the_model_is_in_the_graph(twin: Twin) -> None:
    assert twin.graph(id="hall-1") == (200, HALL)
    assert twin.graph(id="hall-1", relationships="out")[1]["relationships"] == [EDGE]
    assert twin.graph(id=DEVICE, relationships="in")[1]["relationships"] == [EDGE]
    assert {each["id"] for each in twin.graph()[1]["twins"]} == {"hall-1", DEVICE, OTHER, QUIET}


def test_a_reading_is_in_the_graph_without_a_run(twin: Twin) -> None:
    """Cosmos DB's changes bring it."""
    twin.send({"temperature": 21.5, "other": 1})
    until(twin, {"temperature": 21.5})


def test_a_run_brings_what_the_changes_did_not(twin: Twin) -> None:
    function = twin.cloud.functions["twin_sync"]
    function.kill()
    twin.send({"temperature": 3.25}, OTHER)
    deadline = time.monotonic() + 20
    while not any(device == OTHER for device, _ in twin.cloud.rows()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    function.restart()
    twin.cloud.run("twin_sync")
    assert values(twin, OTHER) == {"temperature": 3.25}


def test_who_has_no_key_reads_nothing(twin: Twin) -> None:
    from local_cloud.reader import Answered, Reader

    reader = Reader(twin.evaluated.outputs["graph_api_url"], "wrong", trust=twin.authority.ca_file)
    with pytest.raises(Answered) as raised:
        reader.page()
    assert raised.value.status == 401
