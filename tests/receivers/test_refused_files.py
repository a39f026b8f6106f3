"""What the receivers of files refuse, with which status, on each cloud: over HTTP, and nothing is stored."""

from __future__ import annotations

import hashlib
import json
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest

from receivers import files
from receivers.files import body, header, old, packed, pieces, sent
from receivers.requests import check_refusal, post
from support.deployed import Deployed, Functions
from support.loopback import Loopback, listening
from support.platforms import Reply, Wire
from support.samples import API_KEY, DOCUMENT, KEY_2
from twin_runtime.roles import Cloud
from twin_runtime.tiers.tier_files import MAX_TEXT_BYTES, PART_BYTES, QUERY_MEDIA_TYPE, File

pytestmark = pytest.mark.matrix

LATE_S = 310
FILE = packed(old(20))
GOOD = body(header(FILE), FILE.body)
QUERY: dict[str, Any] = {
    "device": "thermostat-1",
    "from": "2024-02-29T00:00:00.000000Z",
    "to": "2024-03-01T00:00:00.000000Z",
    "limit": 100,
    "cursor": None,
    "order": "asc",
}


@dataclass
class Scene:
    function: Deployed
    server: Loopback

    def signed(self, content: bytes = GOOD, **changes: Any) -> Wire:
        return sent(self.function, content, **changes)

    def post(self, content: bytes) -> Reply:
        return post(self.server, self.signed(content))


@pytest.fixture(params=Cloud)
def cloud(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=files.STORES)
def role(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def scene(role: str, cloud: str, functions: Functions) -> Iterator[Scene]:
    function = functions.load(cloud, role)
    function.admit()
    with listening(function.platform()) as server:
        yield Scene(function, server)


def of(content: bytes, **changes: Any) -> bytes:
    """A request's body with another file's bytes, whose checksum is right."""
    return body(header(FILE) | {"sha256": hashlib.sha256(content).hexdigest()} | changes, content)


def renamed(was: str, now: str) -> bytes:
    """With another name; all other fields are right."""
    assert was in FILE.name
    name = FILE.name.replace(was, now, 1)
    return body(header(FILE) | {"name": name}, FILE.body)


def gzip(text: bytes) -> bytes:
    return zlib.compress(text, 9, wbits=31)


LINES = zlib.decompress(FILE.body, wbits=31)
FIRST, SECOND, *_ = LINES.splitlines(keepends=True)


def file_of(lines: bytes, name: str = FILE.name) -> bytes:
    """The request of a file with such lines, whose name is made from them."""
    kept, _, _ = name.rpartition("~")
    name = f"{kept}~{hashlib.sha256(lines).hexdigest()[:16]}.jsonl.gz"
    return of(gzip(lines), name=name)


@cache
def bomb() -> bytes:
    """A hundred million blanks."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(b" " * 1_000_000) for _ in range(100)) + packer.flush()


@cache
def bomb_of_events() -> bytes:
    """More events than a file may hold, all of them good ones and in order."""
    packer = zlib.compressobj(9, wbits=31)
    made = bytearray()
    for number, each in enumerate(old(20)):
        text = "x" * (MAX_TEXT_BYTES // 19)
        line = json.dumps(each | {"data": {"n": number, "x": text}}, separators=(",", ":"))
        made += packer.compress(line.encode() + b"\n")
    return bytes(made) + packer.flush()


Case = Callable[[Scene], Wire]
OF_A_SIGNATURE: dict[str, tuple[int, Case]] = {
    "no signature": (401, lambda at: at.signed(headers={"webhook-signature": None})),
    "a key of another link": (401, lambda at: at.signed(keys=[KEY_2])),
    "an old timestamp": (401, lambda at: at.signed(at=time.time() - LATE_S)),
    "a timestamp of the future": (401, lambda at: at.signed(at=time.time() + LATE_S)),
    "another id than was signed": (401, lambda at: at.signed(headers={"webhook-id": "msg_1"})),
    "an altered part": (401, lambda at: replace(wire := at.signed(), body=wire.body[:-1] + b"\x01")),
    "a part with more behind it": (401, lambda at: replace(wire := at.signed(), body=wire.body + b" ")),
    "an altered line of JSON": (
        401,
        lambda at: replace(wire := at.signed(), body=wire.body.replace(b'"rows": 20', b'"rows": 21')),
    ),
    "the line of another part": (
        401,
        lambda at: replace(
            wire := at.signed(pieces(FILE, 2)[0]), body=wire.body.replace(b'"part": 0', b'"part": 1')
        ),
    ),
    "a bomb of nobody's": (401, lambda at: at.signed(of(bomb()), keys=[KEY_2])),
    "events in place of a file": (
        415,
        lambda at: at.signed(headers={"content-type": "application/cloudevents-batch+json"}),
    ),
    "JSON": (415, lambda at: at.signed(headers={"content-type": "application/json"})),
    "no content type": (415, lambda at: at.signed(headers={"content-type": None})),
    "another method": (405, lambda at: replace(at.signed(), method="GET")),
}
OF_A_LINE: dict[str, tuple[int, bytes]] = {
    "no body": (400, b""),
    "no line of JSON": (400, FILE.body),
    "a line that does not end": (400, b"{" + b" " * 2_500),
    "no JSON": (400, body(b"{", FILE.body)),
    "no object": (400, body(b"[]", FILE.body)),
    "no UTF-8": (400, body(b'{"name":"\xe9"}', FILE.body)),
    "a field twice": (400, body(b'{"part":0,' + json.dumps(header(FILE)).encode()[1:], FILE.body)),
    "a field more": (400, body(header(FILE) | {"more": 1}, FILE.body)),
    "a field less": (400, body({"name": FILE.name, "part": 0, "parts": 1, "rows": 20}, FILE.body)),
    "a line that is nested deeply": (400, body(b"[" * 1_900, FILE.body)),
    "a number that is too long": (400, body(b'{"part":' + b"9" * 1_900 + b"}", FILE.body)),
    "part of another type": (400, body(header(FILE) | {"part": False}, FILE.body)),
    "parts with a fraction": (400, body(header(FILE) | {"parts": 1.0}, FILE.body)),
    "a part of none": (400, body(header(FILE, 0, 0), FILE.body)),
    "a part behind the last": (400, body(header(FILE, 1, 1), FILE.body)),
    "a part before the first": (400, body(header(FILE, -1, 1), FILE.body)),
    "too many parts": (400, body(header(FILE, 0, 9), FILE.body)),
    "fewer rows than the name": (400, body(header(FILE) | {"rows": 19}, FILE.body)),
    "another sha256": (400, body(header(FILE) | {"sha256": "0" * 64}, FILE.body)),
    "no sha256": (400, body(header(FILE) | {"sha256": FILE.sha256.upper()}, FILE.body)),
    "an empty part": (400, body(header(FILE), b"")),
    "a part that is too large": (413, body(header(FILE), b"x" * (PART_BYTES + 1))),
    "a body that is too large": (413, body(header(FILE), b"x" * (PART_BYTES + 2_001))),
}
OF_A_FILE: dict[str, bytes] = {
    "no gzip": of(LINES),
    "half a gzip stream": of(FILE.body[: len(FILE.body) // 2]),
    "a gzip stream without its end": of(FILE.body[:-8]),
    "two gzip streams": of(FILE.body + gzip(b"")),
    "more behind the gzip stream": of(FILE.body + b"\x00"),
    "no rows": file_of(b""),
    "one row less": file_of(LINES[: -len(LINES.splitlines(keepends=True)[-1])]),
    "one row more": file_of(LINES + LINES.splitlines(keepends=True)[-1].replace(b'"e019"', b'"e020"')),
    "a row twice": file_of(FIRST + FIRST + LINES[len(FIRST + SECOND) :]),
    "rows in another order": file_of(SECOND + FIRST + LINES[len(FIRST + SECOND) :]),
    "a row of another type": file_of(LINES.replace(b'"subject":"thermostat"', b'"subject":"pump"', 1)),
    "a row of another day": file_of(LINES.replace(b"2024-02-29T12:00:00", b"2024-02-28T12:00:00", 1)),
    "a row of another device": file_of(LINES.replace(b"/thermostat-1", b"/thermostat-0", 1)),
    "a row of another twin": file_of(LINES.replace(b"/twins/factory/", b"/twins/other/", 1)),
    "a time that does not exist": file_of(LINES.replace(b"T12:00:00.", b"T12:60:00.", 1)),
    "a command": file_of(LINES.replace(b"telemetry.v1", b"command.v1", 1)),
    "an event that is spelt otherwise": file_of(LINES.replace(b'{"spec', b'{ "spec', 1)),
    "an attribute more": file_of(LINES.replace(b"}}\n", b'},"more":1}\n', 1)),
    "a key twice": file_of(LINES.replace(b'"data":{', b'"data":{"n":0,', 1)),
    "no number": file_of(LINES.replace(b'"n":0', b'"n":NaN', 1)),
    "data that are no object": file_of(LINES.replace(b'"data":{"n":0,', b'"data":[{"n":0,', 1)),
    "data that are nested deeply": file_of(LINES.replace(b'"n":0', b'"n":' + b"[" * 40 + b"]" * 40, 1)),
    "no ASCII": file_of(LINES.replace(b'"n":0', b'"n":"\xc3\xa9"', 1)),
    "a last line without its end": file_of(LINES[:-1]),
    "an empty line": file_of(LINES.replace(b"\n", b"\n\n", 1)),
    "ends of lines of another kind": file_of(LINES.replace(b"\n", b"\r\n")),
    "lines that are not those of the name": of(gzip(LINES.replace(b'"n":0', b'"n":9', 1))),
    "the name of another type": renamed("type=thermostat", "type=pump"),
    "the name of an unknown type": renamed("type=thermostat", "type=stranger"),
    "the name of another day": renamed("2024-02-29", "2024-03-01"),
    "the name of another device": renamed("thermostat-1", "thermostat-0"),
    "devices in another order": renamed("thermostat-1", "thermostat-2"),
}
TRICKS = (
    *("", ".", "..", "/", "../x", "/etc/passwd", "..\\x", FILE.name[len("events/") :], f"/{FILE.name}"),
    *(f"../{FILE.name}", f"events/../{FILE.name}", f"./{FILE.name}", FILE.name.replace("/", "//", 1)),
    *(f"{FILE.name}/", f"{FILE.name}\n", f"{FILE.name}\x00", f" {FILE.name}", FILE.name.replace("/", "\\")),
    *(FILE.name.replace("/", "%2f"), FILE.name.replace("type=thermostat", "type=../thermostat")),
    *(FILE.name.replace("thermostat-1~", "../x~", 1), FILE.name.replace("2024-02-29", "..")),
    *(FILE.name.replace("2024-02-29", "2024-02-30"), FILE.name.replace("2024-02-29", "0000-02-29")),
    *(FILE.name.replace("2024-02-29", "٢٠٢٤-02-29"), FILE.name.replace("thermostat-1", "~cold_mover", 1)),
    *(FILE.name.upper(), FILE.name.replace(".gz", ""), FILE.name.replace("events/", "parts/", 1)),
    *(f"parts/{FILE.sha256}/0-of-1", f"parts/{FILE.sha256}/1-of-2", f"https://x/{FILE.name}", "\ud800"),
)
KEY_CASES: dict[str, dict[str, Any]] = {
    "no key": {"api_key": None},
    "an empty key": {"api_key": ""},
    "a wrong key": {"api_key": "wrong"},
    "half a key": {"api_key": API_KEY[:-1]},
}


@pytest.mark.parametrize("case", OF_A_SIGNATURE)
def test_refused(scene: Scene, case: str) -> None:
    status, make = OF_A_SIGNATURE[case]
    refused(scene, make(scene), status)


@pytest.mark.parametrize("cloud", ["azure", "gcp"])
@pytest.mark.parametrize("case", KEY_CASES)
def test_refused_for_the_api_key(cloud: str, case: str, scene: Scene) -> None:
    """On AWS API Gateway checks the key, and the function is not called."""
    refused(scene, scene.signed(**KEY_CASES[case]), 401)


@pytest.mark.parametrize("case", OF_A_LINE)
def test_refused_for_the_line_of_json(scene: Scene, case: str) -> None:
    status, content = OF_A_LINE[case]
    refused(scene, scene.signed(content), status)


def test_refused_for_what_is_in_the_file(scene: Scene) -> None:
    for case, content in OF_A_FILE.items():
        reply = scene.post(content)
        assert (case, reply.status) == (case, 400)
        check_refusal(reply)
        assert files.names(scene.function) == [], case
    accepted(scene)


def test_refused_for_a_bomb(scene: Scene) -> None:
    for content in (of(bomb()), of(bomb_of_events())):
        assert len(content) < 200_000
        began = time.monotonic()
        refused(scene, scene.signed(content), 400)
        assert time.monotonic() - began < 5
        files.tier(scene.function).delete(FILE.name)


def test_names_that_lead_elsewhere(scene: Scene) -> None:
    for name in TRICKS:
        reply = scene.post(body(header(FILE) | {"name": name}, FILE.body))
        assert (name, reply.status) == (name, 400)
        check_refusal(reply)
        assert files.names(scene.function) == [], name
    accepted(scene)


def test_a_file_of_another_twin(scene: Scene) -> None:
    others = DOCUMENT | {"twin": "other"}
    file = packed([each | {"source": "/twins/other/devices/thermostat-1"} for each in old(3)], others)
    refused(scene, scene.signed(body(header(file), file.body)), 400)


def refused(scene: Scene, wire: Wire, status: int) -> None:
    reply = post(scene.server, wire)
    assert reply.status == status
    check_refusal(reply)
    assert files.names(scene.function) == []
    accepted(scene)


def accepted(scene: Scene, file: File = FILE) -> None:
    """Nobody else is refused."""
    reply = scene.post(body(header(file), file.body))
    assert (reply.status, json.loads(reply.body)) == (200, files.told(file))
    assert files.names(scene.function) == [file.name]
    assert files.tier(scene.function).get(file.name) == file.body


@pytest.mark.parametrize("role", ["archive_writer"])
def test_the_archive_is_not_read(scene: Scene, role: str) -> None:
    refused(scene, files.asked(scene.function, QUERY), 415)


@pytest.mark.parametrize("role", ["cold_writer"])
def test_what_is_signed_as_one_thing_is_not_another(scene: Scene, role: str) -> None:
    """The content type is not signed; no body is both a file's and a query."""
    refused(scene, scene.signed(headers={"content-type": QUERY_MEDIA_TYPE}), 400)
    files.tier(scene.function).delete(FILE.name)
    refused(scene, scene.signed(json.dumps(QUERY).encode()), 400)


@pytest.mark.parametrize("role", ["cold_writer"])
def test_queries_that_are_refused(scene: Scene, role: str) -> None:
    for change in (
        *({"device": "stranger"}, {"device": None}, {"device": ["thermostat-1"]}, {"device": "../x"}),
        *({"from": "2024-02-29"}, {"from": None}, {"from": "2024-03-01T00:00:00.000001Z"}, {"to": 0}),
        *({"from": "2024-02-29T00:00:00Z"}, {"to": "2024-02-30T00:00:00.000000Z"}),
        *({"limit": 0}, {"limit": 1_001}, {"limit": True}, {"limit": "1"}, {"limit": 1.0}, {"limit": 10**60}),
        *({"cursor": ""}, {"cursor": "x"}, {"cursor": "2024-02-29T12:00:00.000000Z"}, {"cursor": 0}),
        *({"cursor": "2024-00-00T00:00:00.000000Z#!"}, {"cursor": "0000-01-01T00:00:00.000000Z#!"}),
        *({"cursor": "2024-02-30T12:00:00.000000Z#e1"}, {"order": "up"}, {"order": None}, {"more": 1}),
    ):
        for order in ("asc", "desc"):
            query: dict[str, Any] = QUERY | {"order": order} | change
            reply = post(scene.server, files.asked(scene.function, query))
            assert (change, reply.status) == (change, 400)
            check_refusal(reply)
    for content in (b"", b"[]", b"{", b"null", json.dumps(QUERY).encode() + b" " * 4_000):
        reply = post(scene.server, files.asked(scene.function, content))
        assert (content, reply.status) == (content, 400)
    refused(scene, files.asked(scene.function, QUERY, keys=[KEY_2]), 401)
    reply = post(scene.server, files.asked(scene.function, QUERY))
    assert json.loads(reply.body) == {"events": old(20), "next": None}
