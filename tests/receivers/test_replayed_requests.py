"""A request that is sent again within the tolerance is answered as the first time, and changes nothing."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Iterator

import pytest

from receivers.requests import RECEIVERS, durable, good, post, request
from support.deployed import Deployed, Functions
from support.loopback import Loopback, listening
from support.platforms import Reply, Wire
from support.samples import batch
from twin_runtime.roles import Cloud
from twin_runtime.wire.signing import TOLERANCE

pytestmark = pytest.mark.matrix

TIMES = 5


@pytest.fixture(params=RECEIVERS)
def role(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=Cloud)
def function(request: pytest.FixtureRequest, role: str, functions: Functions) -> Deployed:
    loaded = functions.load(request.param, role)
    loaded.admit()
    return loaded


@pytest.fixture
def server(function: Deployed) -> Iterator[Loopback]:
    with listening(function.platform()) as listens:
        yield listens


def batch_of(role: str) -> list[object]:
    """Some that are taken, and one that is refused."""
    events = good(role, 3)
    return [*events[:2], events[2] | {"specversion": "0.3"}]


@pytest.mark.parametrize("age", [0, TOLERANCE - 20])
def test_a_replayed_request(function: Deployed, server: Loopback, age: int) -> None:
    body = zlib.compress(batch(*batch_of(function.role)), wbits=31)
    wire = request(function, body, at=time.time() - age, headers={"content-encoding": "gzip"})
    replies = [post(server, wire) for _ in range(TIMES)]
    check(function, replies)


def test_the_same_batch_signed_anew(function: Deployed, server: Loopback) -> None:
    """As a sender does that did not hear the answer: the id is the same, the timestamp is not."""
    body = batch(*batch_of(function.role))
    wires = [request(function, body, at=time.time() - age) for age in range(TIMES)]
    assert len({wire.header("webhook-id") for wire in wires}) == 1
    assert len({wire.header("webhook-signature") for wire in wires}) == TIMES
    check(function, [post(server, wire) for wire in wires])


def check(function: Deployed, replies: list[Reply]) -> None:
    assert replies == replies[:1] * TIMES
    effects = durable(function)
    if function.role == "ingestion":
        # A queue's consumers are idempotent: the same events, and no others.
        assert sorted(json.dumps(each) for each in effects) == sorted(
            json.dumps(each) for each in good(function.role) * TIMES
        )
    else:
        assert len(effects) == 2
    reasons = {letter["reason"] for letter in function.dead_letters()}
    assert reasons == {"The specversion is not 1.0."}
    assert {letter["event"]["id"] for letter in function.dead_letters()} == {"e2"}


def test_another_instance_writes_no_second_row(functions: Functions) -> None:
    for cloud in Cloud:
        function = functions.load(cloud, "writer")
        function.admit()
        wire: Wire = request(function, batch(*good("writer")))
        first = function.platform()(wire)
        functions.start(function)
        assert function.platform()(wire) == first
        assert len(durable(function)) == 2
