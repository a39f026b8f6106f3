"""The files of the cold and the archive tier: gzip of lines, each an event as `rows.to_json` writes it.

A file holds events of one device type and one day (of their times, in UTC), by device, time and id. Its name
says what is in it:

    events/type=thermostat/day=2024-02-29/thermostat-1~thermostat-9~5000~0123456789abcdef.jsonl.gz

first and last device, number of rows, and the start of the SHA-256 of the lines: the same rows make the same
name, whenever they are written. Rows make the same bytes too, as long as zlib packs them in the same way.

The gzip has several members, which every tool unpacks as one text. A member begins where a device does, or
within a device of many rows, so that the rows of a device are read without the rest of the file (`Block`). A
file of the release before has one member.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

from twin_runtime import jsontext, times
from twin_runtime.events import cloudevents
from twin_runtime.model import Twin
from twin_runtime.ports import Row
from twin_runtime.storage import rows

EVENTS = "events/"
"""Begins the name of every file."""
MAX_ROWS = 10_000
MAX_TEXT_BYTES = 16_000_000
"""Of the lines of a file. A mover makes smaller ones."""
MAX_LINE_BYTES = cloudevents.MAX_STORED_BYTES + 2_000
FILE_MEDIA_TYPE = "application/vnd.twinspan.file"
QUERY_MEDIA_TYPE = "application/vnd.twinspan.query+json"
KNOWS_UNREAD = "unread=1"
"""Its parameter where the hot_reader knows of `unread` in the answer, which that of the release before does
not.
"""
SETTLE_MEDIA_TYPE = "application/vnd.twinspan.settle+json"
PART_BYTES = 3_000_000
"""Of a file, in one request: a Lambda is handed no more than 6 MB, in base64."""
MAX_PARTS = 8
MEMBER_BYTES = 128_000
"""Of the lines of a member, before another device begins a new one. With 32,000,
files of devices with 50 rows a day are 3% larger."""
LONG_MEMBER_BYTES = 256_000
"""Of the lines of a member, before the next row begins a new one."""
_LEVEL = 6
_SLICE = 65_536
_DIGEST = 16
_DAY_LENGTH = len("2024-02-29")
_TYPE = r"[A-Za-z][A-Za-z0-9_]{0,63}"
_DEVICE = r"[A-Za-z0-9][A-Za-z0-9:_-]{0,127}"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_NAME = re.compile(
    rf"{EVENTS}type=({_TYPE})/day=({_DAY})/({_DEVICE})~({_DEVICE})~([1-9][0-9]{{0,5}})"
    rf"~([0-9a-f]{{{_DIGEST}}})\.jsonl\.gz"
)


class Invalid(ValueError):
    """Not a file of this form, or not this twin's; the text says why in one sentence."""


@dataclass(frozen=True, slots=True)
class Name:
    """What the name of a file says."""

    type: str
    day: str
    first: str
    last: str
    rows: int
    digest: str

    def __str__(self) -> str:
        return f"{folder(self.type, self.day)}{self.first}~{self.last}~{self.rows}~{self.digest}.jsonl.gz"

    def may_hold(self, device: str) -> bool:
        """Whether rows of the device can be in it."""
        return self.first <= device <= self.last


def may_hold(name: str, device: str) -> bool:
    """Whether rows of the device can be in the file; not where the name is none of a file of events."""
    try:
        return parse_name(name).may_hold(device)
    except Invalid:
        return False


class Block(NamedTuple):
    """Rows of a device in a member of a file: where the member is in the file's bytes, how many rows of it
    are the device's, and the keys of the first and the last of them.
    """

    device: str
    offset: int
    length: int
    rows: int
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class File:
    """A file. `sha256` is of `body`, which is gzip; `blocks` has all of its rows, in order, where it is
    known.
    """

    name: str
    body: bytes
    rows: int
    sha256: str
    blocks: tuple[Block, ...] = field(default=(), compare=False)


def type_folder(type: str) -> str:
    """The start of the names of a type's files."""
    return f"{EVENTS}type={type}/"


def folder(type: str, day: str) -> str:
    """The start of the names of a type's files of a day, or of all days that begin with `day`."""
    return f"{type_folder(type)}day={day}" + ("/" if len(day) == _DAY_LENGTH else "")


def is_type(value: object) -> bool:
    """Whether a value can be the name of a device type."""
    return isinstance(value, str) and re.fullmatch(_TYPE, value) is not None


def parse_name(text: str) -> Name:
    """What a name says; raises `Invalid`."""
    found = _NAME.fullmatch(text)
    if found is None:
        raise Invalid("The name is not that of a file of events.")
    type, day, first, last, count, digest = found.groups()
    try:
        date.fromisoformat(day)
    except ValueError:
        raise Invalid("The name's day does not exist.") from None
    if first > last:
        raise Invalid("The name's first device is after its last.")
    return Name(type, day, first, last, int(count), digest)


def pack(found: Iterable[Row], twin: Twin, type: str) -> File:
    """The file of rows that are of one type and day, and in order; there is at least one. `type` is that of
    the rows that do not say theirs.
    """
    packer = zlib.compressobj(_LEVEL, wbits=31)
    digest, body, count, size = sha256(), bytearray(), 0, 0
    first = last = None
    ends: list[int] = []
    blocks = _Blocks()
    for row in found:
        if row.subject not in ("", type):
            raise ValueError(f"a row is of the type {row.subject}, not of {type}")
        line = rows.to_json(row, twin, type).encode("ascii") + b"\n"
        digest.update(line)
        if size >= LONG_MEMBER_BYTES or (last and size >= MEMBER_BYTES and row.device != last.device):
            body += packer.flush()
            ends.append(len(body))
            packer, size = zlib.compressobj(_LEVEL, wbits=31), 0
        body += packer.compress(line)
        blocks.add(row.device, row.key, len(ends))
        count, size = count + 1, size + len(line)
        first, last = first or row, row
    if first is None or last is None:
        raise ValueError("a file has at least one row")
    body += packer.flush()
    ends.append(len(body))
    packed = bytes(body)
    name = Name(type, day_of(first.time), first.device, last.device, count, digest.hexdigest()[:_DIGEST])
    return File(str(name), packed, count, sha256(packed).hexdigest(), blocks.made(ends))


def opened(body: bytes, name: str, twin: Twin) -> File:
    """The file of a body, with its blocks; raises `Invalid` as `unpack` does."""
    ends: list[int] = []
    blocks, count = _Blocks(), 0
    for row in unpack(body, name, twin, ends=ends):
        blocks.add(row.device, row.key, len(ends))
        count += 1
    return File(name, body, count, sha256(body).hexdigest(), blocks.made(ends))


def unpack(
    body: bytes, name: str, twin: Twin, *, expires: int = rows.FOREVER, ends: list[int] | None = None
) -> Iterator[Row]:
    """The rows of a file, in order; raises `Invalid` where it is not what its name says, or not this twin's.

    Nothing is known of the file before the last row has come. Devices need not be in twin.yaml any more.
    `ends` is filled as by `lines`.
    """
    wanted = parse_name(name)
    digest, count = sha256(), 0
    before = ("", "")
    first = None
    for line in lines(body, ends=ends):
        digest.update(line)
        digest.update(b"\n")
        row = _row(line, wanted, twin, expires)
        if (here := (row.device, row.key)) <= before:
            raise Invalid("The rows are not in order.")
        before = here
        first = first or row.device
        count += 1
        if count > wanted.rows:
            break
        yield row
    if (first, before[0], count) != (wanted.first, wanted.last, wanted.rows):
        raise Invalid("The rows are not those that the name tells of.")
    if digest.hexdigest()[:_DIGEST] != wanted.digest:
        raise Invalid("The rows are not those that the name was made from.")


def events_of(body: bytes, twin: Twin, device: str) -> Iterator[tuple[str, str]]:
    """Key and text of the events of one device, in order, in a file or in some members of it. The file is
    taken for what it says it is.
    """
    start = _start(twin.name, device).encode("ascii")
    head = cloudevents.head(twin.name)
    seen = False
    for line in lines(body):
        if not line.startswith(start):
            if seen:
                return
            continue
        seen = True
        text = line.decode("ascii")
        found = head.match(text)
        if found is None:
            raise Invalid("A line is not an event of this twin.")
        yield f"{found[4]}#{found[3]}", text


def event_row(text: str, twin: Twin) -> Row:
    """The row of one of `events_of`."""
    found = cloudevents.head(twin.name).match(text)
    if found is None:
        raise Invalid("A line is not an event of this twin.")
    return _of_head(found, text[found.end() : -1], rows.FOREVER)


def lines(body: bytes, *, ends: list[int] | None = None) -> Iterator[bytes]:
    """The lines of a gzip of whole members, without their ends; raises `Invalid`, at the latest when
    `MAX_TEXT_BYTES` are unpacked. `ends` gets where each member ends, once its last line was given.
    """
    size, at = 0, 0
    while at < len(body) or not at:
        unpacker, rest, before = zlib.decompressobj(wbits=31), b"", size
        while not unpacker.eof:
            piece = unpacker.unconsumed_tail or body[at : at + _SLICE]
            if not unpacker.unconsumed_tail:
                at += len(piece)
            if not piece:
                raise Invalid("The file is not whole gzip.")
            try:
                text = unpacker.decompress(piece, _SLICE)
            except zlib.error:
                raise Invalid("The file is not gzip.") from None
            size += len(text)
            if size > MAX_TEXT_BYTES:
                raise Invalid(f"The file unpacks to more than {MAX_TEXT_BYTES} bytes.")
            *whole, rest = (rest + text).split(b"\n")
            yield from whole
            if len(rest) > MAX_LINE_BYTES:
                raise Invalid(f"A line is longer than {MAX_LINE_BYTES} bytes.")
        if rest:
            raise Invalid("The last line of a member has no end.")
        if size == before:
            raise Invalid("A member of the gzip is empty.")
        at -= len(unpacker.unused_data)
        if ends is not None:
            ends.append(at)


def day_of(time: str) -> str:
    """The day of a time in the fixed-width form."""
    return time[:10]


def first_of(day: str) -> str:
    """The first moment of a day."""
    return f"{day}T00:00:00.000000Z"


def _row(line: bytes, name: Name, twin: Twin, expires: int) -> Row:
    try:
        text = line.decode("ascii")
    except UnicodeDecodeError:
        raise Invalid("A line is not ASCII.") from None
    found = cloudevents.head(twin.name).match(text)
    if found is None:
        raise Invalid("A line is not an event of this twin, in the form in which it is stored.")
    data = text[found.end() : -1]
    row = _of_head(found, data, expires)
    if row.subject != name.type or day_of(row.time) != name.day or not re.fullmatch(_DEVICE, row.device):
        raise Invalid("A line is of another type or day than the name, or of no device.")
    if not all(times.exists(each) for each in (row.time, row.received, row.device_time) if each):
        raise Invalid("A line has a time that does not exist.")
    try:
        if not isinstance(jsontext.loads(data, max_bytes=MAX_LINE_BYTES, max_depth=31), dict):
            raise Invalid("A line has data that is not a JSON object.")
    except jsontext.Malformed:
        raise Invalid("A line has data that is not JSON.") from None
    if text[-1] != "}" or data[:1] != "{" or data[-1:] != "}":
        raise Invalid("A line is not an event of this twin, in the form in which it is stored.")
    return row


def _of_head(found: re.Match[str], data: str, expires: int) -> Row:
    _, device, id, time, type, traceparent, received, device_time, clock = found.groups()
    return Row(
        device,
        time,
        id,
        cloudevents.TELEMETRY,
        data,
        traceparent,
        expires,
        subject=type,
        received=received or "",
        device_time=device_time or "",
        clock=clock or "",
    )


class _Blocks:
    """Rows in the order of a file, counted by device and member."""

    def __init__(self) -> None:
        self._counts: list[list[Any]] = []

    def add(self, device: str, key: str, member: int) -> None:
        last: list[Any] = self._counts[-1] if self._counts else [None, None]
        if last[0] != device or last[1] != member:
            last = [device, member, 0, key, key]
            self._counts.append(last)
        last[2] += 1
        last[4] = key

    def made(self, ends: Sequence[int]) -> tuple[Block, ...]:
        """The blocks, of members that end there."""
        starts = (0, *ends)
        return tuple(
            Block(device, starts[member], ends[member] - starts[member], count, first, last)
            for device, member, count, first, last in self._counts
        )


@lru_cache(maxsize=256)
def _start(twin: str, device: str) -> str:
    """How the lines of a device begin."""
    event = cloudevents.make(
        cloudevents.TELEMETRY, twin=twin, device=device, subject="", data={}, time="", id="i", traceparent="t"
    )
    text = jsontext.dumps(event)
    return text[: text.index('"i"')]
