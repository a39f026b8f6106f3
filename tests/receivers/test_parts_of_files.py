"""Parts of files in any order, again, or not at all; and requests that are sent again: on each cloud."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from receivers import files
from receivers.files import body, header, old, packed, pieces, sent
from receivers.requests import check_refusal, post
from support.deployed import Deployed, Functions
from support.loopback import Loopback, listening
from support.platforms import Reply
from twin_runtime.roles import Cloud
from twin_runtime.wire.signing import TOLERANCE

pytestmark = pytest.mark.matrix

FILE = packed(old(30))
TOLD = files.told(FILE)
PARTS = 3
TIMES = 5


@pytest.fixture(params=files.STORES)
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


class Sending:
    """Posts bodies, each signed anew."""

    def __init__(self, function: Deployed, server: Loopback) -> None:
        self._function = function
        self._server = server

    def __call__(self, content: bytes) -> Any:
        reply = self.reply(content)
        assert reply.status == 200, reply.body
        return json.loads(reply.body)

    def reply(self, content: bytes) -> Reply:
        return post(self._server, sent(self._function, content))


@pytest.fixture
def send(function: Deployed, server: Loopback) -> Sending:
    return Sending(function, server)


def staged(*parts: int, of: int = PARTS) -> list[str]:
    return [f"parts/{FILE.sha256}/{part}-of-{of}" for part in parts]


def check_stored(function: Deployed) -> None:
    assert files.names(function) == [FILE.name]
    assert files.tier(function).get(FILE.name) == FILE.body


def test_parts_in_any_order(function: Deployed, send: Sending) -> None:
    parts = pieces(FILE, PARTS)
    for order in itertools.permutations(range(PARTS)):
        assert [send(parts[n]) for n in order] == [{"parts": 1}, {"parts": 2}, TOLD]
        check_stored(function)
        files.tier(function).delete(FILE.name)


def test_parts_that_come_again(function: Deployed, send: Sending) -> None:
    first, second, third = pieces(FILE, PARTS)
    assert [send(first), send(first), send(third)] == [{"parts": 1}, {"parts": 1}, {"parts": 2}]
    assert files.names(function) == staged(0, 2)
    assert [send(second), send(second), send(first)] == [TOLD] * 3, "and what is there is not staged again"
    check_stored(function)


def test_without_a_part_there_is_no_file(functions: Functions, function: Deployed, send: Sending) -> None:
    first, second, third = pieces(FILE, PARTS)
    assert [send(first), send(third)] == [{"parts": 1}, {"parts": 2}]
    assert files.names(function) == staged(0, 2)
    functions.start(function)
    assert json.loads(function.platform()(sent(function, second)).body) == TOLD, "another instance has it all"
    check_stored(function)


def test_parts_of_another_division_are_no_parts_of_this_one(function: Deployed, send: Sending) -> None:
    assert [send(pieces(FILE, 2)[0]), send(pieces(FILE, 3)[1])] == [{"parts": 1}, {"parts": 1}]
    assert files.names(function) == [*staged(0, of=2), *staged(1, of=3)]
    assert send(pieces(FILE, 2)[1]) == TOLD
    assert files.names(function) == [FILE.name, *staged(1, of=3)], "which a rule of the store deletes"
    assert files.tier(function).get(FILE.name) == FILE.body


def test_parts_that_do_not_make_the_file_are_all_asked_for_again(function: Deployed, send: Sending) -> None:
    first, second = pieces(FILE, 2)
    assert send(body(header(FILE, 0, 2), FILE.body[:100])) == {"parts": 1}
    reply = send.reply(second)
    assert reply.status == 503
    check_refusal(reply)
    assert files.names(function) == []
    assert [send(second), send(first)] == [{"parts": 1}, TOLD]
    check_stored(function)


def test_parts_of_what_is_no_file(function: Deployed, send: Sending) -> None:
    """It is refused when it is whole, and its parts are gone then."""
    name = FILE.name.replace("~30~", "~31~")
    first, second = (
        body(header(FILE, n, 2) | {"name": name, "rows": 31}, pieces(FILE, 2)[n].partition(b"\n")[2])
        for n in range(2)
    )
    assert send(first) == {"parts": 1}
    reply = send.reply(second)
    assert reply.status == 400
    check_refusal(reply)
    assert files.names(function) == []


def test_parts_of_two_files_at_once(function: Deployed, send: Sending) -> None:
    other = packed(old(30, "pump-1"))
    for mine, theirs in zip(pieces(FILE, PARTS)[:-1], pieces(other, PARTS)[:-1], strict=True):
        assert send(mine) == send(theirs)
    assert send(pieces(other, PARTS)[-1]) == files.told(other)
    assert send(pieces(FILE, PARTS)[-1]) == TOLD
    assert files.names(function) == sorted([FILE.name, other.name])
    assert [files.tier(function).get(each.name) for each in (FILE, other)] == [FILE.body, other.body]


@pytest.mark.parametrize("age", [0, TOLERANCE - 20])
def test_a_replayed_request(function: Deployed, server: Loopback, age: int) -> None:
    wire = sent(function, body(header(FILE), FILE.body), at=time.time() - age)
    replies = [post(server, wire) for _ in range(TIMES)]
    assert replies == replies[:1] * TIMES
    assert json.loads(replies[0].body) == TOLD
    check_stored(function)
    assert files.tier(function).puts == 1


def test_replayed_parts(function: Deployed, server: Loopback) -> None:
    wires = [sent(function, each) for each in pieces(FILE, PARTS)]
    replies = [post(server, wire) for wire in wires for _ in range(TIMES)]
    told = [json.loads(reply.body) for reply in replies]
    assert told == [{"parts": 1}] * TIMES + [{"parts": 2}] * TIMES + [TOLD] * TIMES
    before = files.tier(function).puts
    assert {post(server, wire).body for wire in wires} == {replies[-1].body}, "and all of them again"
    check_stored(function)
    assert files.tier(function).puts == before


def test_the_same_part_signed_anew(function: Deployed, server: Loopback) -> None:
    """As a sender does that did not hear the answer: the id is the same, the timestamp is not."""
    content = body(header(FILE), FILE.body)
    wires = [sent(function, content, at=time.time() - age) for age in range(TIMES)]
    assert len({wire.header("webhook-id") for wire in wires}) == 1
    assert len({wire.header("webhook-signature") for wire in wires}) == TIMES
    replies = [post(server, wire) for wire in wires]
    assert replies == replies[:1] * TIMES
    check_stored(function)
