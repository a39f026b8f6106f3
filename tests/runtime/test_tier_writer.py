"""cold_writer and archive_writer, and what sends to them: files in parts, in any order, again and again."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.memory import MemoryObjects, MemoryStore
from support.properties import bounded
from support.samples import API_KEY, KEY_1, KEY_2, log
from support.tiers import (
    DAY,
    DUE,
    NOW,
    SENDER,
    TWIN,
    Direct,
    Killed,
    Tiers,
    Tripwire,
    Wired,
    link_to,
    many,
    row,
    writer_of,
)
from twin_runtime.errors import Refused, Retry
from twin_runtime.ports import PARTS, Request, Response
from twin_runtime.tiers import due_rows, tier_files
from twin_runtime.tiers.catalogue import Catalogue
from twin_runtime.tiers.file_sinks import RemoteFiles, verified
from twin_runtime.tiers.index import PENDING
from twin_runtime.tiers.tier_files import FILE_MEDIA_TYPE, QUERY_MEDIA_TYPE
from twin_runtime.tiers.tier_writer import TierWriter
from twin_runtime.wire import signing
from twin_runtime.wire.http_client import Answer, Unreachable


def packed(count: int = 60) -> tier_files.File:
    rows = many(count, ["thermostat-1", "thermostat-2"], days=1, start=DUE - DAY)
    return tier_files.pack(sorted(rows, key=lambda each: (each.device, each.key)), TWIN, "thermostat")


def sink(objects: Any, *, part_bytes: int = 500) -> tuple[RemoteFiles, Direct]:
    client = Direct(writer_of(objects))
    return RemoteFiles(link_to(client), part_bytes=part_bytes), client


def send(file: tier_files.File, objects: Any, **options: Any) -> Any:
    stored = sink(objects, **options)[0].store(file, deadline=time.monotonic() + 5)
    verified(file, stored)
    return stored


@pytest.mark.parametrize("part_bytes", [3_000_000, 1_000, 300])
def test_a_file_arrives_whole_whatever_its_parts(part_bytes: int) -> None:
    objects, file = MemoryObjects(), packed()
    assert len(file.body) / 300 < 8
    stored = send(file, objects, part_bytes=part_bytes)
    assert objects.get(file.name) == file.body
    assert objects.stat(file.name) == stored
    assert list(objects.names(PARTS)) == []


def test_what_is_there_is_not_sent_in_full_again() -> None:
    objects, file = MemoryObjects(), packed()
    send(file, objects, part_bytes=300)
    remote, client = sink(objects, part_bytes=300)
    verified(file, remote.store(file, deadline=time.monotonic() + 5))
    assert len(client.requests) == 1
    assert objects.puts == 1 + -(-len(file.body) // 300)


def request(
    header: dict[str, Any] | bytes,
    part: bytes,
    *,
    key: str = KEY_1,
    api_key: str | None = API_KEY,
    media_type: str = FILE_MEDIA_TYPE,
    at: float | None = None,
) -> Request:
    line = header if isinstance(header, bytes) else json.dumps(header).encode()
    body = line + b"\n" + part
    stamp = int(time.time() if at is None else at)
    headers = signing.sign([key], body, id=signing.webhook_id(body), timestamp=stamp)
    headers["content-type"] = media_type
    if api_key:
        headers["x-api-key"] = api_key
    return Request("POST", headers, body)


def parts_of(file: tier_files.File, count: int) -> list[Request]:
    size = -(-len(file.body) // count)
    return [
        request(
            {"name": file.name, "part": n, "parts": count, "rows": file.rows, "sha256": file.sha256},
            file.body[n * size : (n + 1) * size],
        )
        for n in range(count)
    ]


def test_parts_in_any_order_and_more_than_once() -> None:
    file = packed()
    for order in itertools.permutations(range(3)):
        objects = MemoryObjects()
        writer = writer_of(objects)
        requests = parts_of(file, 3)
        answers = [json.loads(writer.handle(requests[n]).body) for n in (order[0], *order)]
        told = {"rows": file.rows, "sha256": file.sha256, "size": len(file.body)}
        assert answers == [{"parts": 1}, {"parts": 1}, {"parts": 2}, told]
        assert [json.loads(writer.handle(each).body) for each in requests] == [told] * 3
        assert list(objects.names("events/")) == [file.name]
        assert list(objects.names(PARTS)) == list(objects.names(PENDING)) == []


def test_parts_of_another_size_do_not_mix() -> None:
    objects, file = MemoryObjects(), packed()
    writer = writer_of(objects)
    writer.handle(parts_of(file, 3)[0])
    writer.handle(parts_of(file, 2)[0])
    assert json.loads(writer.handle(parts_of(file, 2)[1]).body)["rows"] == file.rows
    assert objects.get(file.name) == file.body


def test_parts_that_do_not_make_the_file_are_asked_for_again() -> None:
    objects, file = MemoryObjects(), packed()
    writer = writer_of(objects)
    first, second = parts_of(file, 2)
    header, _, body = first.body.partition(b"\n")
    writer.handle(request(header, bytes(len(body))))
    assert writer.handle(second).status == 503
    assert list(objects.names("")) == []
    writer.handle(first)
    assert writer.handle(second).status == 200


def test_two_last_parts_at_once() -> None:
    """Whatever one request does in the midst of the other, the file is there, and a sender that asks again is
    told so.
    """
    file = packed()
    first, second, third = parts_of(file, 3)
    others: list[int] = []
    for at in range(1, 30):
        objects = MemoryObjects()
        writer_of(objects).handle(first)
        writer_of(objects).handle(second)
        wire = Tripwire()

        def meet(wire: Tripwire = wire, at: int = at, objects: MemoryObjects = objects) -> None:
            if wire.calls == at:
                others.append(writer_of(objects).handle(third).status)

        wire.watch = meet
        assert writer_of(Wired(objects, wire)).handle(third).status == 200
        assert list(objects.names("events/")) == [file.name]
        send(file, objects, part_bytes=300)
    assert len(others) > 10
    assert set(others) == {200}


@pytest.mark.parametrize("after", [False, True])
def test_a_receiver_that_dies_at_any_call(after: bool) -> None:
    file, wire = packed(), Tripwire()
    for kill in range(1, 60):
        objects = MemoryObjects()
        wire = Tripwire(kill, after=after)
        writer = writer_of(Wired(objects, wire))
        try:
            for each in parts_of(file, 3):
                writer.handle(each)
        except Killed:
            pass
        stored = objects.stat(file.name)
        assert stored is None or (stored.rows, stored.sha256) == (file.rows, file.sha256)
        send(file, objects, part_bytes=300)
        assert objects.get(file.name) == file.body
        check_found(file, objects)
    assert not wire.dead, "there are more calls"


def check_found(file: tier_files.File, objects: MemoryObjects) -> None:
    """The index finds the rows of the file, and nothing else."""
    found = [
        (device, entry.file, entry.offset, entry.rows)
        for device in ("thermostat-1", "thermostat-2")
        for entry in Tiers(MemoryStore(), objects, {}).catalogue().find(device)
    ]
    assert found == [(block.device, file.name, block.offset, block.rows) for block in file.blocks]


def test_a_mover_of_another_cloud_has_what_was_begun_completed() -> None:
    objects, file = MemoryObjects(), packed()
    assert sink(objects)[0].settle(deadline=time.monotonic() + 5)
    dying: Any = Wired(objects, Tripwire(9))
    with pytest.raises(Killed):
        Catalogue(dying, TWIN, log=log()[0], clock=lambda: NOW - 700, workers=1).add(file)
    assert objects.names(PENDING)
    assert sink(objects)[0].settle(deadline=time.monotonic() + 5)
    assert not objects.names(PENDING)
    check_found(file, objects)


def test_a_writer_with_nothing_to_complete() -> None:
    """A cold_writer of the release before, which has no index: the mover waits."""
    client = Direct(writer_of(MemoryObjects(), reads=False))
    assert not RemoteFiles(link_to(client)).settle(deadline=time.monotonic() + 5)
    assert len(client.requests) == 1
    for answer, error in ((Answer(400, {}, b'{"error":"No."}'), Refused), (Answer(200, {}, b"{}"), Retry)):
        broken = Direct(None, lambda _, answer=answer: answer)
        with pytest.raises(error):
            RemoteFiles(link_to(broken)).settle(deadline=time.monotonic() + 1.5)
    slow = Direct(None, lambda _: Answer(200, {}, b'{"settled":false}'))
    assert not RemoteFiles(link_to(slow)).settle(deadline=time.monotonic() + 1.5)
    assert len(slow.requests) > 1


@pytest.mark.parametrize("error", [Retry("Not now."), OSError("x"), Refused("No.")])
def test_a_store_that_fails_is_no_success(error: Exception) -> None:
    file = packed()
    for number in range(1, 30):
        objects = MemoryObjects()
        wire = Tripwire()

        def fail(wire: Tripwire = wire, number: int = number) -> None:
            if wire.calls == number:
                raise error

        wire.watch = fail
        writer = writer_of(Wired(objects, wire))
        answers = [writer.handle(each) for each in parts_of(file, 3)]
        for answer in answers:
            assert answer.status in (200, 503)
            if answer.status == 200 and b"size" in answer.body:
                assert objects.get(file.name) == file.body


FILE = packed()
HEADER: dict[str, Any] = {"name": FILE.name, "part": 0, "parts": 1, "rows": FILE.rows, "sha256": FILE.sha256}
OTHERS_FILE = tier_files.pack([row("pump-1")], TWIN, "pump")


@pytest.mark.parametrize(
    ("made", "status", "sentence"),
    [
        (lambda: Request("GET", {}), 405, "Only POST"),
        (lambda: request(HEADER, FILE.body, media_type="application/json"), 415, "content type"),
        (lambda: request(HEADER, FILE.body, api_key=None), 401, "API key"),
        (lambda: request(HEADER, FILE.body, api_key="other"), 401, "API key"),
        (lambda: request(HEADER, FILE.body, key=KEY_2), 401, "by no key"),
        (lambda: request(HEADER, FILE.body, at=time.time() - 301), 401, "5 minutes"),
        (lambda: request(HEADER, b"x" * 3_002_001), 413, "larger than"),
        (lambda: request(HEADER, b"x" * 3_000_001), 413, "A part has"),
        (lambda: request(HEADER, b""), 400, "A part has"),
        (lambda: request(b"x" * 2_500, b""), 400, "line of JSON"),
        (lambda: request(b"{", FILE.body), 400, "not JSON"),
        (lambda: request(b"[]", FILE.body), 400, "must have name"),
        (lambda: request(HEADER | {"more": 1}, FILE.body), 400, "must have name"),
        (lambda: request(HEADER | {"part": True}, FILE.body), 400, "part is of another type"),
        (lambda: request(HEADER | {"rows": "3"}, FILE.body), 400, "rows is of another type"),
        (lambda: request(HEADER | {"part": 1}, FILE.body), 400, "numbered from 0"),
        (lambda: request(HEADER | {"part": -1}, FILE.body), 400, "numbered from 0"),
        (lambda: request(HEADER | {"parts": 9}, FILE.body), 400, "at most 8"),
        (lambda: request(HEADER | {"parts": 0}, FILE.body), 400, "numbered from 0"),
        (lambda: request(HEADER | {"rows": 3}, FILE.body), 400, "not those of the name"),
        (lambda: request(HEADER | {"sha256": FILE.sha256.upper()}, FILE.body), 400, "sha256"),
        (lambda: request(HEADER | {"sha256": "0" * 64}, FILE.body), 400, "sha256"),
        (lambda: request(HEADER | {"name": "../x"}, FILE.body), 400, "name"),
        (lambda: request(HEADER | {"name": f"parts/{'0' * 64}/0-of-1"}, FILE.body), 400, "name"),
        (
            lambda: request(HEADER | {"name": FILE.name.replace("type=thermostat", "type=pump")}, FILE.body),
            400,
            "another type",
        ),
    ],
)
def test_what_is_refused(made: Callable[[], Request], status: int, sentence: str) -> None:
    objects = MemoryObjects()
    answer = writer_of(objects).handle(made())
    assert (answer.status, sentence in json.loads(answer.body)["error"]) == (status, True), answer.body
    assert list(objects.names("")) == []


def test_a_file_of_another_twin() -> None:
    other = replace(TWIN, name="other")
    file = tier_files.pack([row()], other, "thermostat")
    objects = MemoryObjects()
    with pytest.raises(Refused, match="not an event of this twin"):
        send(file, objects)
    with pytest.raises(Refused, match="not an event of this twin"):
        send(file, objects, part_bytes=100)
    assert list(objects.names("")) == []


def test_the_archive_writer_reads_nothing() -> None:
    writer = writer_of(MemoryObjects(), reads=False)
    answer = writer.handle(request(b"{}", b"", media_type=QUERY_MEDIA_TYPE))
    assert answer.status == 415


def test_a_sender_takes_nothing_else_for_an_answer() -> None:
    file = packed()
    for document in (
        {},
        {"rows": 1},
        {"rows": 1, "size": 1},
        {"size": 1, "rows": 1, "sha256": 3},
        [],
        {"parts": "1"},
    ):
        client = Direct(None, lambda _, document=document: Answer(200, {}, json.dumps(document).encode()))
        with pytest.raises(Retry, match="not understood"):
            RemoteFiles(link_to(client)).store(file, deadline=time.monotonic() + 0.3)


def test_a_sender_that_is_told_of_parts_alone() -> None:
    client = Direct(None, lambda _: Answer(200, {}, b'{"parts":1}'))
    with pytest.raises(Retry, match="did not find all parts"):
        RemoteFiles(link_to(client), part_bytes=300).store(packed(), deadline=time.monotonic() + 5)


def test_the_secret_is_read_again_when_a_key_was_refused() -> None:
    objects, file = MemoryObjects(), packed()
    client = Direct(writer_of(objects))
    link = link_to(client, secret=SENDER.replace(KEY_1, KEY_2))
    source = link._secret._source
    reads: list[int] = []

    def fetch() -> str:
        reads.append(1)
        return SENDER if len(reads) > 1 else SENDER.replace(KEY_1, KEY_2)

    source.fetch = fetch  # type: ignore[method-assign]
    ticks = itertools.count()
    link._secret._clock = lambda: 100.0 * next(ticks)
    verified(file, RemoteFiles(link).store(file, deadline=time.monotonic() + 5))
    assert [each.header("x-api-key") for each in client.requests] == [API_KEY] * 2


def faulty(chance: float, seed: int) -> Callable[[Request], Answer | None]:
    dice = random.Random(seed)

    def before(_: Request) -> Answer | None:
        if dice.random() >= chance:
            return None
        kind = dice.randrange(4)
        if kind == 0:
            raise Unreachable("The receiver timed out.")
        return Answer((503, 500, 429)[kind - 1], {}, b"{}")

    return before


class AfterTheFact(Direct):
    """Some answers are lost after the request was handled."""

    def __init__(self, role: TierWriter, seed: int) -> None:
        super().__init__(role, faulty(0.2, seed))
        self._dice = random.Random(seed)

    def request(self, *args: Any, **named: Any) -> Answer:
        answer = super().request(*args, **named)
        if self._dice.random() < 0.2:
            raise Unreachable("The receiver could not be reached.")
        return answer


def test_a_mover_whose_receiver_fails_and_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due_rows, "MAX_ROWS", 7)
    for seed in range(15):
        dice = random.Random(seed)
        tiers = Tiers.empty()
        tiers.write(*many(60, ["pump-1", "thermostat-1", "thermostat-2"]))
        for _ in range(200):
            client = AfterTheFact(writer_of(tiers.cold), seed + len(tiers.written))
            remote = RemoteFiles(link_to(client), part_bytes=400)
            wire = Tripwire(dice.randrange(1, 120))
            wire.watch = tiers.check_nothing_is_lost
            mover = tiers.mover(wire, sink=remote)
            try:
                if mover.run(0, 1, budget=60).done:
                    break
            except (Killed, Retry):
                tiers.now += 1_000
        tiers.check_moved()


def test_answers_are_json_of_one_sentence() -> None:
    answer: Response = writer_of(MemoryObjects()).handle(request(HEADER, b"not gzip"))
    assert json.loads(answer.body)["error"].endswith(".")


def authentic(body: bytes, media_type: str) -> Request:
    headers = signing.sign([KEY_1], body, id=signing.webhook_id(body), timestamp=int(time.time()))
    return Request("POST", {**headers, "content-type": media_type, "x-api-key": API_KEY}, body)


BODIES = st.one_of(
    st.binary(max_size=300),
    st.builds(
        lambda change, part: json.dumps(HEADER | change).encode() + b"\n" + part,
        st.dictionaries(
            st.sampled_from([*HEADER, "more"]),
            st.one_of(
                st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=80), st.just([])
            ),
            max_size=2,
        ),
        st.one_of(st.binary(max_size=50), st.just(FILE.body)),
    ),
)


@bounded
@given(BODIES, st.sampled_from([FILE_MEDIA_TYPE, QUERY_MEDIA_TYPE]))
def test_any_authentic_body_is_answered_without_an_error_of_ours(body: bytes, media_type: str) -> None:
    objects = MemoryObjects()
    answer = writer_of(objects).handle(authentic(body, media_type))
    assert answer.status in (200, 400, 413)
    for name in objects.names("events/"):
        assert (name, objects.get(name)) == (FILE.name, FILE.body)


@bounded
@given(st.integers(0), st.integers(1, 255))
def test_a_request_with_a_changed_byte_is_not_let_in(at: int, flip: int) -> None:
    objects = MemoryObjects()
    good = request(HEADER, FILE.body)
    body = bytearray(good.body)
    body[at % len(body)] ^= flip
    assert writer_of(objects).handle(good._replace(body=bytes(body))).status == 401
    assert list(objects.names("")) == []
