"""Clients of the readers, each with keys of its own, on each cloud as its callers reach it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from receivers.links import public
from receivers.requests import check_refusal
from support.deployed import Deployed, Functions
from support.graphs import GRAPH_DOCUMENT, GRAPH_TWIN
from support.platforms import Platform, Reply, Wire, key_id
from support.samples import API_KEY, KEY_1, Lines, log
from twin_runtime.functions.twin_sync import TwinSync
from twin_runtime.roles import READERS, ROLES, Cloud, Role
from twin_runtime.wire import secret_cache, signing

CLIENTS = {"erp": ["erp-1", "erp-2"], "mobile": ["mobile-1"]}
NAMES = {key_id(key): name for name, keys in CLIENTS.items() for key in keys}
QUERIES = {Role.HOT_READER: "device=pump-1", Role.TWIN_READER: "id=pump-1"}


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Functions]:
    with Functions(tmp_path, limited=True) as functions:
        yield functions


class Scene:
    """A reader with two clients, as its callers reach it."""

    def __init__(self, functions: Functions, cloud: Cloud, role: Role) -> None:
        self.lines = Lines()
        environ = {"API_CLIENTS": json.dumps(NAMES)} if cloud is Cloud.AWS else {}
        self.function: Deployed = functions.load(
            cloud, role, twin=GRAPH_DOCUMENT, sink=self.lines, environ=environ
        )
        self.function.admit(clients=CLIENTS)
        graph = self.function.memory.graph("GRAPH", GRAPH_TWIN)
        TwinSync(twin=GRAPH_TWIN, graph=graph, reader=None, log=log("twin_sync")[0]).run(budget=30.0)
        self.platform: Platform = public(self.function)
        self.query = QUERIES[role]

    def ask(self, key: str | None, headers: Mapping[str, str] | None = None) -> Reply:
        given = {**(headers or {}), **({} if key is None else {"x-api-key": key})}
        return self.platform(Wire("GET", f"{self.function.path}?{self.query}", tuple(given.items())))

    def statuses(self, *keys: str) -> list[int]:
        return [self.ask(key).status for key in keys]

    def read(self) -> Sequence[dict[str, Any]]:
        return self.lines.named("read")


@pytest.fixture(params=READERS)
def role(request: pytest.FixtureRequest) -> Role:
    return request.param


@pytest.mark.parametrize("cloud", Cloud)
def test_the_key_of_a_client_works_until_it_is_revoked(
    cloud: Cloud, role: Role, functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(functions, cloud, role)
    keys = ("erp-1", "erp-2", "mobile-1", API_KEY)
    assert scene.statuses(*keys) == [200, 200, 200, 200]
    assert [line["client"] for line in scene.read()] == ["erp", "erp", "mobile", "twin"]
    asked = "device" if role is Role.HOT_READER else "id"
    assert {line[asked] for line in scene.read()} == {"pump-1"}
    # A minute later, for the instance that has the keys in its cache; API Gateway has none.
    monkeypatch.setattr(secret_cache, "MAX_AGE", 0)
    monkeypatch.setattr(secret_cache, "MIN_INTERVAL", 0)
    scene.function.admit(clients={**CLIENTS, "erp": ["erp-2"]})
    assert scene.statuses(*keys) == [401, 200, 200, 200]
    scene.function.admit(clients={"mobile": ["mobile-1"]})
    assert scene.statuses(*keys) == [401, 401, 200, 200]
    assert [line["client"] for line in scene.read()][4:] == ["erp", "mobile", "twin", "mobile", "twin"]


@pytest.mark.parametrize("cloud", [Cloud.AZURE, Cloud.GCP])
def test_a_client_that_asks_too_often_is_told_when_to_come_again(
    cloud: Cloud, role: Role, limited: Functions
) -> None:
    """On AWS API Gateway does this, by its usage plan."""
    scene = Scene(limited, cloud, role)
    started = time.monotonic()
    made = 0
    while (reply := scene.ask("erp-1")).status == 200:
        made += 1
    spec = ROLES[role]
    assert spec.burst <= made <= spec.burst + spec.rate * (time.monotonic() - started)
    assert (reply.status, reply.headers["retry-after"]) == (429, "1")
    check_refusal(reply)
    assert scene.ask("mobile-1").status == 200, "another client is not limited by it"
    (line,) = scene.lines.named("refused")
    assert (line["status"], line["client"], line["count"]) == (429, "erp", 1)


@pytest.mark.parametrize("cloud", [Cloud.AZURE, Cloud.GCP])
def test_the_twins_own_reads_are_not_limited(cloud: Cloud, limited: Functions) -> None:
    scene = Scene(limited, cloud, Role.HOT_READER)
    body = signing.canonical_query({"device": ["pump-1"]}).encode("ascii")
    made = signing.sign([KEY_1], body, id="msg_1", timestamp=int(time.time()))
    count = 3 * ROLES[Role.HOT_READER].burst
    assert [scene.ask(API_KEY, made).status for _ in range(count)] == [200] * count


@pytest.mark.parametrize("cloud", [Cloud.AZURE, Cloud.GCP])
def test_a_flood_without_a_key_is_one_line_of_the_log(cloud: Cloud, role: Role, limited: Functions) -> None:
    scene = Scene(limited, cloud, role)
    assert {scene.ask(key).status for key in (None, "wrong") for _ in range(200)} == {401}
    (line,) = scene.lines.named("refused")
    assert (line["status"], line["count"]) == (401, 1)
