"""What receivers refuse, with which status, on each cloud: over HTTP, and nothing is stored of it."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest

from receivers.requests import RECEIVERS, batch_of, check_refusal, durable, good, post, request
from support.deployed import Deployed, Functions
from support.loopback import Loopback, listening
from support.platforms import Wire
from support.samples import API_KEY, KEY_2, batch
from twin_runtime.roles import Cloud
from twin_runtime.wire.receiver import MAX_BODY_BYTES

pytestmark = pytest.mark.matrix

LATE_S = 310
GZIP = {"content-encoding": "gzip"}


@dataclass
class Scene:
    function: Deployed
    server: Loopback

    def signed(self, body: bytes | None = None, **changes: Any) -> Wire:
        return request(self.function, batch_of(self.function.role) if body is None else body, **changes)


@pytest.fixture(params=Cloud)
def cloud(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=RECEIVERS)
def scene(request: pytest.FixtureRequest, cloud: str, functions: Functions) -> Iterator[Scene]:
    function = functions.load(cloud, request.param)
    function.admit()
    with listening(function.platform()) as server:
        yield Scene(function, server)


def packed(body: bytes) -> bytes:
    return zlib.compress(body, 9, wbits=31)


@cache
def bomb() -> bytes:
    """A hundred million spaces."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(b" " * 1_000_000) for _ in range(100)) + packer.flush()


Case = Callable[[Scene], Wire]
CASES: dict[str, tuple[int, Case]] = {
    "no signature": (401, lambda at: at.signed(headers={"webhook-signature": None})),
    "a key of another link": (401, lambda at: at.signed(keys=[KEY_2])),
    "an old timestamp": (401, lambda at: at.signed(at=time.time() - LATE_S)),
    "a timestamp of the future": (401, lambda at: at.signed(at=time.time() + LATE_S)),
    "a newer timestamp than was signed": (
        401,
        lambda at: at.signed(at=time.time() - LATE_S, headers={"webhook-timestamp": str(int(time.time()))}),
    ),
    "another id than was signed": (401, lambda at: at.signed(headers={"webhook-id": "msg_1"})),
    "an altered body": (401, lambda at: replace(wire := at.signed(), body=wire.body.replace(b"e0", b"e9"))),
    "a body with more behind it": (401, lambda at: replace(wire := at.signed(), body=wire.body + b" ")),
    "packed on the way": (
        401,
        lambda at: replace(
            wire := at.signed(),
            body=packed(wire.body),
            headers=(*wire.headers, ("content-encoding", "gzip")),
        ),
    ),
    "a body that is too large": (413, lambda at: at.signed(b"[" + b" " * MAX_BODY_BYTES + b"]")),
    "a gzip bomb": (413, lambda at: at.signed(bomb(), headers=GZIP)),
    "a gzip bomb of nobody's": (
        401,
        lambda at: at.signed(bomb(), headers=GZIP, keys=[KEY_2]),
    ),
    "half a gzip stream": (400, lambda at: at.signed(packed(batch_of(at.function.role))[:-9], headers=GZIP)),
    "two gzip streams": (400, lambda at: at.signed(packed(b"[") + packed(b"]"), headers=GZIP)),
    "no gzip": (400, lambda at: at.signed(headers=GZIP)),
    "gzip that is not declared": (400, lambda at: at.signed(packed(batch_of(at.function.role)))),
    "another encoding": (415, lambda at: at.signed(headers={"content-encoding": "br"})),
    "JSON of another content type": (415, lambda at: at.signed(headers={"content-type": "application/json"})),
    "one event in place of a batch": (
        415,
        lambda at: at.signed(headers={"content-type": "application/cloudevents+json"}),
    ),
    "no content type": (415, lambda at: at.signed(headers={"content-type": None})),
    "no body": (400, lambda at: at.signed(b"")),
    "no JSON": (400, lambda at: at.signed(batch_of(at.function.role)[:-1])),
    "no array": (400, lambda at: at.signed(b"{}")),
    "no UTF-8": (400, lambda at: at.signed(b'["\xe9"]')),
    "a key twice": (400, lambda at: at.signed(b'[{"id":"1","id":"2"}]')),
    "no number": (400, lambda at: at.signed(b"[NaN]")),
    "JSON that is nested deeply": (400, lambda at: at.signed(b"[" * 100_000)),
    "too many events": (400, lambda at: at.signed(b"[" + b"{}," * 1_000 + b"{}]")),
    "another method": (405, lambda at: replace(at.signed(), method="GET")),
}
KEY_CASES: dict[str, dict[str, Any]] = {
    "no key": {"api_key": None},
    "an empty key": {"api_key": ""},
    "a wrong key": {"api_key": "wrong"},
    "half a key": {"api_key": API_KEY[:-1]},
    "a key and more": {"api_key": f"{API_KEY}, {API_KEY}"},
}


@pytest.mark.parametrize("case", CASES)
def test_refused(scene: Scene, case: str) -> None:
    status, make = CASES[case]
    refused(scene, make(scene), status)


@pytest.mark.parametrize("cloud", ["azure", "gcp"])
@pytest.mark.parametrize("case", KEY_CASES)
def test_refused_for_the_api_key(cloud: str, case: str, scene: Scene) -> None:
    """On AWS API Gateway checks the key, and the function is not called."""
    refused(scene, scene.signed(**KEY_CASES[case]), 401)


def refused(scene: Scene, wire: Wire, status: int) -> None:
    reply = post(scene.server, wire)
    assert reply.status == status
    check_refusal(reply)
    assert durable(scene.function) == []
    assert scene.function.dead_letters() == []
    reply = post(scene.server, scene.signed())
    assert (reply.status, len(durable(scene.function))) == (200, 2), "and nobody else is refused"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"specversion": "2.0"}, "The specversion is not 1.0."),
        ({"specversion": 1.0}, "The specversion is not 1.0."),
        ({"source": "/twins/other/devices/thermostat-1"}, "The source is not a device of this twin."),
        ({"source": "/twins/factory/devices/stranger"}, "The device is not known to this twin."),
        ({"source": "/twins/factory/devices/"}, "The device is not known to this twin."),
        ({"type": "twinspan.other.v1"}, "The type is not "),
        ({"more": 1}, "The event has an unknown attribute."),
    ],
)
def test_an_event_that_is_refused_is_dead_lettered_and_not_stored(
    scene: Scene, change: dict[str, Any], reason: str
) -> None:
    (event,) = good(scene.function.role, 1)
    reply = post(scene.server, scene.signed(batch(event | change)))
    assert reply.status == 200
    (letter,) = scene.function.dead_letters()
    assert letter["reason"].startswith(reason)
    assert letter["event"] == event | change
    entry = b'{"accepted":0,"rejected":[{"index":0,"id":"e0","reason":"%s","kept":true}]}'
    assert reply.body == entry % letter["reason"].encode()
    assert durable(scene.function) == []


@pytest.mark.parametrize("cloud", ["azure", "gcp"])
@pytest.mark.parametrize("key", [None, "", "wrong", API_KEY[:-1]])
def test_a_read_is_refused_without_the_key(cloud: str, key: str | None, functions: Functions) -> None:
    refuse_read(functions.load(cloud, "hot_reader"), "GET", key, 401)


def test_a_read_is_refused_by_another_method(cloud: str, functions: Functions) -> None:
    refuse_read(functions.load(cloud, "hot_reader"), "POST", API_KEY, 405)


def refuse_read(function: Deployed, method: str, key: str | None, status: int) -> None:
    function.admit()
    headers = () if key is None else (("x-api-key", key),)
    with listening(function.platform()) as server:
        reply = post(server, Wire(method, f"{function.path}?device=thermostat-1", headers))
    assert reply.status == status
    check_refusal(reply)
