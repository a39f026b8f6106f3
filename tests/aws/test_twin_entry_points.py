"""What Terraform and the clock hand to twin_sync on AWS, and what TwinMaker's errors mean to the runtime."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.graphs import GRAPH_DOCUMENT, GRAPH_TWIN, HALL
from twin_aws import workspace
from twin_aws.twinmaker import TwinMakerGraph
from twin_runtime import functions
from twin_runtime.context import Context
from twin_runtime.errors import Refused, Retry, Throttled
from twin_runtime.functions.twin_sync import CLEARED
from twin_runtime.ports import Relationship
from twin_runtime.roles import Role

CONTEXT: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: 55_000)
RUN = {"partition": 0, "partitions": 1}


class Graph(TwinMakerGraph):
    """Entities by id, without a service. `left` is for how many looks they are still being deleted."""

    def __init__(self, left: int = 0) -> None:
        super().__init__("factory-graph", GRAPH_TWIN, None)
        self.kept = {"hall-1": "", "pump-1": ""}
        self.text = ""
        self.left = left

    def mark(self) -> str:
        return self.text

    def set_mark(self, text: str) -> None:
        self.text = text

    def digests(self) -> Any:
        yield from list(self.kept.items())

    def delete_twin(self, id: str) -> None:
        if id == "stuck":
            raise Retry("IoT TwinMaker answered ConflictException.")
        del self.kept[id]

    def is_empty(self) -> bool:
        self.left -= 1
        return self.left < 0


class Bench:
    """twin_sync of a graph, as Lambda calls it."""

    def __init__(self, folder: Path) -> None:
        self.graph = Graph()
        (folder / "twin.json").write_text(json.dumps(GRAPH_DOCUMENT))
        cloud: Any = SimpleNamespace(name="aws", graph=lambda *_: self.graph)
        environ = {"GRAPH": "factory-graph"}
        self.context = Context(Role.TWIN_SYNC, cloud, environ=environ, root=folder, sink=lambda *_: None)
        self.sync = functions.assemble(self.context)

    def call(self, event: dict[str, Any], lambda_: Any = CONTEXT) -> None:
        workspace.run(self.sync, self.context, event, lambda_)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(workspace, "_POLL_S", 0.01)
    return Bench(tmp_path)


def test_the_clock_has_it_keep_the_graph(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    put: list[str] = []
    monkeypatch.setattr(bench.graph, "put_twin", lambda twin, digest: put.append(twin.id))
    monkeypatch.setattr(bench.graph, "put_relationships", lambda id, edges, digest: None)
    bench.call(RUN)
    assert sorted(put) == sorted((*GRAPH_TWIN.devices, *GRAPH_TWIN.model.entities))


@pytest.mark.parametrize("action", ["create", "update"])
def test_making_the_workspace_waits_for_no_entity(bench: Bench, action: str) -> None:
    """A first apply must not fail because a new role is not known everywhere yet."""
    bench.call({**RUN, "tf": {"action": action, "prev_input": None}})
    assert bench.graph.text == ""


def test_deleting_the_workspace_deletes_the_entities_first(bench: Bench) -> None:
    bench.graph.left = 3
    bench.call({**RUN, "tf": {"action": "delete", "prev_input": None}})
    assert bench.graph.kept == {}
    assert bench.graph.text.startswith(CLEARED)
    assert bench.graph.left < 0


def test_what_is_left_fails_the_command(bench: Bench) -> None:
    bench.graph.kept["stuck"] = ""
    with pytest.raises(workspace.NotEmpty, match="still has 1 entities: run the command again"):
        bench.call({**RUN, "tf": {"action": "delete"}})


def test_entities_that_are_still_being_deleted_fail_the_command(bench: Bench) -> None:
    bench.graph.left = 10_000
    context: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: 25_000)
    with pytest.raises(workspace.NotEmpty, match="still deleting"):
        bench.call({**RUN, "tf": {"action": "delete"}}, context)


class Failing:
    """A client whose every operation fails."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __getattr__(self, name: str) -> Any:
        def call(**_: Any) -> None:
            raise ClientError({"Error": {"Code": self.code, "Message": "secret detail"}}, name)

        return call


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ThrottlingException", Throttled),
        ("InternalServerException", Retry),
        ("ServiceQuotaExceededException", Retry),
        ("ValidationException", Refused),
    ],
)
def test_what_an_error_of_twinmaker_means(code: str, error: type[Exception]) -> None:
    graph = TwinMakerGraph("factory-graph", GRAPH_TWIN, Failing(code))
    with pytest.raises(error, match=f"IoT TwinMaker answered {code}"):
        graph.put_twin(HALL, digest="d")
    with pytest.raises(error):
        graph.delete_twin("hall-1")


@pytest.mark.parametrize("code", ["ThrottlingException", "ConnectorTimeoutException"])
def test_a_read_that_fails_is_tried_again_later(code: str) -> None:
    graph = TwinMakerGraph("factory-graph", GRAPH_TWIN, Failing(code))
    for read in (
        lambda: graph.twin("hall-1"),
        lambda: graph.twins(type=None, cursor="x", limit=10),
        lambda: graph.relationships("hall-1", incoming=True, cursor=None, limit=10),
    ):
        with pytest.raises(Retry):
            read()


class Busy:
    """A client whose entity is never done."""

    def get_entity(self, **_: Any) -> dict[str, Any]:
        return {"entityId": "hall-1", "status": {"state": "UPDATING"}, "components": {}}


def test_an_entity_that_stays_busy_is_left_to_the_next_run() -> None:
    pauses: list[float] = []
    graph = TwinMakerGraph("factory-graph", GRAPH_TWIN, Busy(), sleep=pauses.append)
    with pytest.raises(Retry, match="still being changed"):
        graph.put_relationships("hall-1", [Relationship("hall-1", "contains", "press-7")], digest="d")
    assert pauses == sorted(pauses)
    assert 1 < sum(pauses) < 10
