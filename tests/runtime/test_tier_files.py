"""The form of files: exact, the same for the same rows, and strict in reading."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.properties import bounded
from support.samples import event
from support.tiers import DUE, TWIN, many, row
from twin_runtime.events import cloudevents
from twin_runtime.ports import Row
from twin_runtime.storage import rows
from twin_runtime.tiers import tier_files

EXACT = r'{"f":1e-300,"i":1234567890123456789012345678901234567890,"n":{"a":[1,2.5,null]},"u":"\u00e9\ud83d"}'
NAME = "events/type=thermostat/day=2024-05-01/thermostat-1~thermostat-2~3~0123456789abcdef.jsonl.gz"


def ordered(*found: Row) -> list[Row]:
    return sorted(found, key=lambda each: (each.device, each.key))


def file(*found: Row, type: str = "thermostat") -> tier_files.File:
    return tier_files.pack(ordered(*found), TWIN, type)


SAMPLE = [
    row(id="a", data=EXACT),
    row(id="A-z0.9_:@=+~-"),
    row("thermostat-2", at="2024-04-30T23:59:59.999999Z", id="b"),
]


def test_rows_come_back_exactly() -> None:
    made = file(*SAMPLE)
    found = list(tier_files.unpack(made.body, made.name, TWIN, expires=7))
    assert found == [each._replace(expires=7) for each in ordered(*SAMPLE)]


def test_each_line_is_the_event() -> None:
    made = file(*SAMPLE)
    lines = gzip.decompress(made.body).decode("ascii").splitlines()
    assert lines == [rows.to_json(each, TWIN) for each in ordered(*SAMPLE)]
    assert all(cloudevents.check(json.loads(line), TWIN) for line in lines)


def test_the_name_says_what_is_in_it() -> None:
    made = file(*SAMPLE)
    digest = sha256(gzip.decompress(made.body)).hexdigest()
    folder = "events/type=thermostat/day=2024-04-30/"
    assert made.name == f"{folder}thermostat-1~thermostat-2~3~{digest[:16]}.jsonl.gz"
    assert made.rows == 3
    assert made.sha256 == sha256(made.body).hexdigest()
    name = tier_files.parse_name(made.name)
    assert str(name) == made.name
    assert (name.type, name.day, name.first, name.last, name.rows) == (
        "thermostat",
        "2024-04-30",
        "thermostat-1",
        "thermostat-2",
        3,
    )
    assert name.may_hold("thermostat-1") and name.may_hold("thermostat-11") and name.may_hold("thermostat-2")
    assert not name.may_hold("thermostat-0") and not name.may_hold("thermostat-20")


def test_the_same_rows_make_the_same_bytes() -> None:
    again = [each._replace(expires=each.expires + 1) for each in SAMPLE]
    assert file(*SAMPLE) == file(*again)
    assert file(*SAMPLE).body[4:8] == b"\0\0\0\0"  # no time of writing
    assert file(*SAMPLE).name != file(*SAMPLE[:-1], row("thermostat-2", id="c")).name


def test_a_device_that_is_no_more() -> None:
    made = file(row("gone:1_x", id="a", subject="lamp"), type="lamp")
    (found,) = tier_files.unpack(made.body, made.name, TWIN)
    assert found.device == "gone:1_x"
    with pytest.raises(ValueError, match="at least one"):
        tier_files.pack([], TWIN, "lamp")


@pytest.mark.parametrize(
    "name",
    [
        "",
        NAME + "x",
        NAME.replace("events/", "parts/"),
        NAME.replace("thermostat/", "ther/mostat/"),
        NAME.replace("type=thermostat", "type=../x"),
        NAME.replace("2024-05-01", "2024-02-30"),
        NAME.replace("2024-05-01", "2024-5-1"),
        NAME.replace("~3~", "~0~"),
        NAME.replace("~3~", "~03~"),
        NAME.replace("~3~", "~1000000~"),
        NAME.replace("abcdef", "ABCDEF"),
        NAME.replace("thermostat-1~thermostat-2", "b~a"),
        NAME.replace("thermostat-1~", "~holds~"),
        NAME + "\n",
    ],
)
def test_other_names(name: str) -> None:
    with pytest.raises(tier_files.Invalid):
        tier_files.parse_name(name)
    assert not tier_files.may_hold(name, "thermostat-1")


def text_of(*events: object) -> bytes:
    return "".join(json.dumps(each, separators=(",", ":")) + "\n" for each in events).encode()


def name_of(text: bytes, count: int = 1, first: str = "thermostat-1", last: str = "thermostat-1") -> str:
    return str(tier_files.Name("thermostat", "2024-05-01", first, last, count, sha256(text).hexdigest()[:16]))


GOOD = {
    **{name: value for name, value in event(at="2024-05-01T12:00:00.000000Z").items() if name != "data"},
    "data": {"t": 1},
}


def test_what_the_other_cases_differ_from_is_good() -> None:
    text = text_of(GOOD)
    assert len(list(tier_files.unpack(gzip.compress(text), name_of(text), TWIN))) == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"source": "/twins/other/devices/thermostat-1"}, "not an event of this twin"),
        ({"type": "twinspan.command.v1"}, "not an event of this twin"),
        ({"subject": "pump"}, "another type"),
        ({"time": "2024-05-02T12:00:00.000000Z"}, "another type or day"),
        ({"time": "2024-05-01T12:61:00.000000Z"}, "does not exist"),
        ({"time": "2024-05-01T12:00:00Z"}, "not an event"),
        ({"id": "#"}, "not an event"),
        ({"traceparent": "x"}, "not an event"),
        ({"data": [1]}, "not a JSON object"),
        ({"data": {"a": {"b": 1}}, "more": 1}, "not JSON"),
        ({"source": "/twins/factory/devices/~holds"}, "of no device"),
        ({"source": "/twins/factory/devices/a/b"}, "of no device"),
    ],
)
def test_lines_that_are_not_events_of_the_file(change: dict[str, object], sentence: str) -> None:
    text = text_of(GOOD | change)
    with pytest.raises(tier_files.Invalid, match=sentence):
        list(tier_files.unpack(gzip.compress(text), name_of(text), TWIN))


def raw(data: str) -> bytes:
    return text_of(GOOD).replace(b'{"t":1}', data.encode())


@pytest.mark.parametrize(
    "text",
    [
        raw('{"t":NaN}'),
        raw('{"t":1,"t":2}'),
        raw('{"t":1e999}'),
        raw("{" + '"a":{' * 40 + "}" * 41),
        raw('{"t":"é"}'),
        raw('{"t":1} '),
        text_of(GOOD)[:-1],
        text_of(GOOD) + b"\n",
        text_of(GOOD).replace(b"}\n", b"} \n"),
        b"\n" + text_of(GOOD),
        text_of(GOOD).replace(b'"specversion"', b' "specversion"'),
    ],
)
def test_lines_in_another_form(text: bytes) -> None:
    with pytest.raises(tier_files.Invalid):
        list(tier_files.unpack(gzip.compress(text), name_of(text), TWIN))


def test_rows_that_are_not_those_of_the_name() -> None:
    one, two = GOOD, GOOD | {"id": "e2"}
    for text, name in (
        (text_of(two, one), name_of(text_of(two, one), 2)),
        (text_of(one, one), name_of(text_of(one, one), 2)),
        (text_of(one, two), name_of(text_of(one, two), 1)),
        (text_of(one, two), name_of(text_of(one, two), 3)),
        (text_of(one), name_of(text_of(one), 1, "thermostat-0")),
        (text_of(one), name_of(text_of(one), 1, last="thermostat-2")),
        (text_of(one), name_of(text_of(two))),
        (b"", name_of(b"")),
    ):
        with pytest.raises(tier_files.Invalid):
            list(tier_files.unpack(gzip.compress(text), name, TWIN))


def test_bytes_that_are_not_one_whole_gzip() -> None:
    made = file(*SAMPLE)
    whole = made.body
    for body in (
        b"",
        b"x" * 100,
        whole[:-1],
        whole[:-9],
        whole + b"x",
        whole + whole,
        whole[:40] + b"\0" * 40,
    ):
        with pytest.raises(tier_files.Invalid):
            list(tier_files.unpack(body, made.name, TWIN))


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    line = raw(json.dumps({"t": "x" * 1_000}))
    for text in (b"\0" * 30_000_000, line * 20_000):
        body = gzip.compress(text)
        tracemalloc.start()
        with pytest.raises(tier_files.Invalid):
            list(tier_files.unpack(body, name_of(text), TWIN))
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
        tracemalloc.stop()
    monkeypatch.setattr(tier_files, "MAX_TEXT_BYTES", 1_000)
    made = file(*many(50, ["thermostat-1"], days=1, start=DUE - 86_400))
    with pytest.raises(tier_files.Invalid, match="more than 1000 bytes"):
        list(tier_files.unpack(made.body, made.name, TWIN))


def test_events_of_one_device() -> None:
    found = ordered(*SAMPLE, row("thermostat-10", id="x"))
    made = file(*found)
    for device in ("thermostat-1", "thermostat-10", "thermostat-2", "thermostat-3"):
        wanted = [
            (each.key, rows.to_json(each, TWIN, "thermostat")) for each in found if each.device == device
        ]
        assert list(tier_files.events_of(made.body, TWIN, device)) == wanted


@bounded
@given(st.binary(max_size=200), st.integers(0, 400), st.integers(1, 255))
def test_a_changed_byte_is_never_taken_for_the_file(noise: bytes, at: int, flip: int) -> None:
    made = file(*SAMPLE)
    body = bytearray(made.body)
    body[at % len(body)] ^= flip
    for changed in (bytes(body), bytes(body) + noise, noise):
        try:
            found = list(tier_files.unpack(changed, made.name, TWIN))
        except tier_files.Invalid:
            continue
        # Of the gzip header some bytes mean nothing, such as the operating system.
        assert found == [each._replace(expires=rows.FOREVER) for each in ordered(*SAMPLE)]


# Members.


def members(monkeypatch: pytest.MonkeyPatch, least: int, most: int) -> tuple[tier_files.File, list[Row]]:
    monkeypatch.setattr(tier_files, "MEMBER_BYTES", least)
    monkeypatch.setattr(tier_files, "LONG_MEMBER_BYTES", most)
    found = ordered(*many(90, ["thermostat-1", "thermostat-2", "thermostat-3"], days=1, start=DUE - 86_400))
    return file(*found), found


@pytest.mark.parametrize(
    ("least", "most", "count"),
    [(1, 1, 90), (1, 3_000, 12), (500, 10**9, 3), (9_000, 20_000, 3), (10**9, 10**9, 1)],
)
def test_a_block_is_the_rows_of_a_device_in_a_member(
    least: int, most: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, found = members(monkeypatch, least, most)
    read: list[tuple[str, str]] = []
    for block in made.blocks:
        part = made.body[block.offset : block.offset + block.length]
        events = list(tier_files.events_of(part, TWIN, block.device))
        assert (len(events), events[0][0], events[-1][0]) == (block.rows, block.first, block.last)
        assert len(gzip.decompress(part)) <= most + 1_000
        read += [(block.device, key) for key, _ in events]
    assert read == [(each.device, each.key) for each in found]
    assert len({block.offset for block in made.blocks}) == count
    assert gzip.decompress(made.body).count(b"\n") == 90


@pytest.mark.parametrize(("least", "most"), [(1, 1), (500, 10**9), (10**9, 10**9)])
def test_members_change_neither_name_nor_rows(least: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made, found = members(monkeypatch, least, most)
    opened = tier_files.opened(made.body, made.name, TWIN)
    assert (opened, opened.blocks) == (made, made.blocks)
    # The release before made one member.
    text = b"".join(rows.to_json(each, TWIN).encode() + b"\n" for each in found)
    before = tier_files.opened(gzip.compress(text, mtime=0), made.name, TWIN)
    assert [(b.offset, b.length, b.rows) for b in before.blocks] == [(0, len(before.body), 30)] * 3
    assert list(tier_files.unpack(before.body, made.name, TWIN)) == list(
        tier_files.unpack(made.body, made.name, TWIN)
    )


def test_members_that_are_refused() -> None:
    one, two = text_of(GOOD), text_of(GOOD | {"id": "e2"})
    name = name_of(one + two, 2)
    assert len(list(tier_files.unpack(gzip.compress(one) + gzip.compress(two), name, TWIN))) == 2
    for parts in ((one, b"", two), (one, two, b""), (one[:9], one[9:] + two), (one + two[:-1], b"\n")):
        with pytest.raises(tier_files.Invalid):
            list(tier_files.unpack(b"".join(map(gzip.compress, parts)), name, TWIN))
