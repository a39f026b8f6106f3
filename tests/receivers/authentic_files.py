"""Files that are signed by the right key and may be none, in parts that may not fit, and a judge of them.

The judge is written from docs/wire-format.md and knows nothing of the code that it judges. It keeps what a
store must hold.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from random import Random
from typing import Any

from receivers import authentic, files
from support.samples import DOCUMENT
from twin_runtime.ports import Event

LONGEST_LINE = 2_000
"""Of the line of JSON of a request, in bytes."""
LONGEST_PART = 3_000_000
MOST_PARTS = 8
MOST_ROWS = 10_000
DEEPEST_DATA = 31
TRACE = r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
NAME = re.compile(
    r"events/type=([A-Za-z][A-Za-z0-9_]{0,63})/day=(\d{4}-\d\d-\d\d)"
    r"/([A-Za-z0-9][A-Za-z0-9:_-]{0,127})~([A-Za-z0-9][A-Za-z0-9:_-]{0,127})~([1-9]\d{0,5})~([0-9a-f]{16})"
    r"\.jsonl\.gz",
    re.ASCII,
)
LINE = re.compile(
    r'\{"specversion":"1\.0","type":"twinspan\.telemetry\.v1"'
    r',"source":"/twins/factory/devices/([A-Za-z0-9][A-Za-z0-9:_-]{0,127})"'
    rf',"id":"([A-Za-z0-9][A-Za-z0-9._:@=+~-]{{0,159}})","time":"({authentic.TIME})"'
    r',"subject":"([A-Za-z0-9_]+)","datacontenttype":"application/json"'
    rf',"traceparent":"{TRACE}"(?:,"received":"({authentic.TIME})"'
    rf'(?:,"devicetime":"({authentic.TIME})","clock":"(?:ahead|behind)")?)?,"data":(\{{.*\}})\}}',
    re.ASCII | re.DOTALL,
)
VALUES: Sequence[Any] = (
    *(None, True, False, 0, 1, 2, 3, 9, -1, 1.0, 10**60, "", "x", "1", [], {}, "0" * 64, "\ud800", "\x00"),
    *("../x", "/etc/passwd", f"parts/{'0' * 64}/0-of-1", "events/", "events/type=pump/day=2024-02-29/"),
)
Row = tuple[str, str, str]
"""Device, key, and text."""


@dataclass
class Judge:
    """What a store holds after the requests that it was told of. `stored` has the rows of each file."""

    stored: dict[str, list[Row]] = field(default_factory=dict[str, list[Row]])
    bodies: dict[str, bytes] = field(default_factory=dict[str, bytes])
    parts: dict[str, bytes] = field(default_factory=dict[str, bytes])

    def answer(self, request: bytes) -> tuple[int, Any]:
        """Status and document; None where the document is a refusal."""
        line, end, part = request.partition(b"\n")
        if not end or len(line) >= LONGEST_LINE:
            return 400, None
        header = _object(line)
        if header is None or not _is_header(header):
            return 400, None
        if not 0 < len(part) <= LONGEST_PART:
            return (413 if part else 400), None
        name, sha256, count = header["name"], header["sha256"], header["parts"]
        if name in self.bodies and hashlib.sha256(self.bodies[name]).hexdigest() == sha256:
            return 200, self._told(name)
        if count == 1:
            return self._take(name, part, sha256, 400)
        wanted = [f"parts/{sha256}/{number}-of-{count}" for number in range(count)]
        self.parts[wanted[header["part"]]] = part
        here = sum(each in self.parts for each in wanted)
        if here < count:
            return 200, {"parts": here}
        whole = b"".join(self.parts.pop(each) for each in wanted)
        return self._take(name, whole, sha256, 503)

    def _take(self, name: str, body: bytes, sha256: str, other: int) -> tuple[int, Any]:
        if hashlib.sha256(body).hexdigest() != sha256:
            return other, None
        rows = rows_of(name, body)
        if rows is None:
            return 400, None
        self.stored[name], self.bodies[name] = rows, body
        return 200, self._told(name)

    def _told(self, name: str) -> dict[str, Any]:
        body = self.bodies[name]
        rows = len(self.stored[name])
        return {"rows": rows, "sha256": hashlib.sha256(body).hexdigest(), "size": len(body)}

    def page(self, request: bytes) -> tuple[int, Any]:
        """Of a query: status, and the answer."""
        query = _object(request) if len(request) <= 4_000 else None
        if query is None or query.keys() - {"types"} != {"device", "from", "to", "limit", "cursor", "order"}:
            return 400, None
        device, start, end, limit, cursor, order = (
            query[name] for name in ("device", "from", "to", "limit", "cursor", "order")
        )
        if not (isinstance(device, str) and device in DOCUMENT["devices"] and order in ("asc", "desc")):
            return 400, None
        if not (_is_time(start) and _is_time(end) and start <= end) or not _is_whole(limit, 1, 1_000):
            return 400, None
        if cursor is not None and not _is_key(cursor):
            return 400, None
        found = {
            key: text
            for rows in self.stored.values()
            for its, key, text in rows
            if its == device and start <= key < end and _is_behind(key, cursor, order)
        }
        keys = sorted(found, reverse=order == "desc")
        events = [json.loads(found[key]) for key in keys[:limit]]
        return 200, {"events": events, "next": keys[limit - 1] if len(keys) > limit else None}


def rows_of(name: str, body: bytes) -> list[Row] | None:
    """The rows of a file; None where it is none, or not what its name says."""
    matched = NAME.fullmatch(name)
    try:
        text = gzip.decompress(body)
    except (EOFError, OSError, zlib.error):
        return None
    if matched is None or not all(member.endswith(b"\n") for member in _members(body)):
        return None
    type_, day, first, last, count, digest = matched.groups()
    if not text.endswith(b"\n") or hashlib.sha256(text).hexdigest()[:16] != digest:
        return None
    rows = [_row(line, type_, day) for line in text[:-1].split(b"\n")]
    found = [row for row in rows if row is not None]
    order = [row[:2] for row in found]
    fits = len(found) == len(rows) == int(count) and (order[0][0], order[-1][0]) == (first, last)
    return found if fits and sorted(set(order)) == order else None


def _row(line: bytes, type_: str, day: str) -> Row | None:
    if not line.isascii():
        return None
    matched = LINE.fullmatch(line.decode("ascii"))
    if matched is None:
        return None
    device, id_, time, subject, received, device_time, data = matched.groups()
    value = _object(data.encode())
    if value is None or authentic.depth(value) > DEEPEST_DATA:
        return None
    exist = all(_is_time(each) for each in (time, received, device_time) if each is not None)
    fits = subject == type_ and time[:10] == day and exist
    return (device, f"{time}#{id_}", line.decode("ascii")) if fits else None


def _members(body: bytes) -> list[bytes]:
    """The text of each gzip stream; what is behind the last counts as one, without a text."""
    texts: list[bytes] = []
    while body:
        stream = zlib.decompressobj(wbits=31)
        try:
            texts.append(stream.decompress(body))
        except zlib.error:
            return [*texts, b""]
        body = stream.unused_data
    return texts


def _is_header(header: dict[str, Any]) -> bool:
    if header.keys() != {"name", "part", "parts", "rows", "sha256"}:
        return False
    name, sha256 = header["name"], header["sha256"]
    matched = NAME.fullmatch(name) if isinstance(name, str) else None
    if matched is None or not isinstance(sha256, str) or not re.fullmatch(r"[0-9a-f]{64}", sha256):
        return False
    try:
        date.fromisoformat(matched[2])
    except ValueError:
        return False
    if not _is_whole(header["parts"], 1, MOST_PARTS) or matched[3] > matched[4]:
        return False
    rows = header["rows"]
    return (
        _is_whole(header["part"], 0, header["parts"] - 1)
        and _is_whole(rows, 1, MOST_ROWS)
        and rows == int(matched[5])
    )


def _is_whole(value: Any, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _is_time(value: Any) -> bool:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9-]{10}T[0-9:]{8}\.[0-9]{6}Z", value):
        return False
    try:
        datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ")
    except ValueError:
        return False
    return True


def _is_type(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,63}", value))


def _is_key(value: Any) -> bool:
    return (
        isinstance(value, str) and _is_time(value[:27]) and bool(re.fullmatch(r"#[!-~]{1,160}", value[27:]))
    )


def _is_behind(key: str, cursor: str | None, order: str) -> bool:
    return cursor is None or (key < cursor if order == "desc" else key > cursor)


def _object(text: bytes) -> dict[str, Any] | None:
    value = authentic.strict(text)
    fits = isinstance(value, dict) and authentic.depth(value) <= authentic.DEEPEST
    return value if fits else None


def spoilt(chance: Random, events: Sequence[Event]) -> list[bytes]:
    """The bodies of the requests of a file, of which some, or what they carry, are changed."""
    file = files.packed(events)
    text = zlib.decompress(file.body, wbits=31)
    name, body = file.name, file.body
    which = chance.randrange(5)
    if which == 0:
        text = _spoilt_lines(chance, text)
        body = zlib.compress(text, 6, wbits=31)
        if chance.randrange(4):
            digest = hashlib.sha256(text).hexdigest()[:16]
            name = f"{name.rpartition('~')[0]}~{digest}.jsonl.gz"
        if chance.randrange(2):
            count = text.count(b"\n")
            name = re.sub(r"~\d+~([0-9a-f]{16})", rf"~{count}~\1", name)
    elif which == 1:
        spoiling = bytearray(body)
        authentic.spoil_text(chance, spoiling)
        body = bytes(spoiling)
    matched = re.search(r"~(\d+)~[0-9a-f]{16}\.", name)
    sha256 = hashlib.sha256(body).hexdigest()
    header = {"name": name, "rows": int(matched[1]) if matched else 0, "sha256": sha256}
    parts = chance.randrange(1, 5)
    size = -(-len(body) // parts) or 1
    made: list[bytes] = []
    for number in range(parts):
        line: dict[str, Any] = header | {"part": number, "parts": parts}
        piece = body[number * size :][:size]
        if chance.randrange(12) == 0:
            line, piece = _spoilt_part(chance, line, piece)
        request = bytearray(files.body(line, piece))
        if chance.randrange(24) == 0:
            authentic.spoil_text(chance, request)
        made.append(bytes(request))
    for _ in range(chance.randrange(3)):
        which = chance.randrange(3)
        if which == 0:
            chance.shuffle(made)
        elif which == 1:
            made.append(chance.choice(made))
        elif len(made) > 1 and chance.randrange(2):
            made.pop(chance.randrange(len(made)))
    return made


def _spoilt_lines(chance: Random, text: bytes) -> bytes:
    lines = text.splitlines(keepends=True)
    at, which = chance.randrange(len(lines)), chance.randrange(6)
    if which == 0:
        chance.shuffle(lines)
    elif which == 1:
        lines.insert(at, lines[chance.randrange(len(lines))])
    elif which == 2:
        del lines[at]
    elif which == 3:
        event = json.loads(lines[at]) | {
            chance.choice(("data", "id", "received", "more")): chance.choice(authentic.VALUES)
        }
        lines[at] = json.dumps(event, separators=(",", ":")).encode() + b"\n"
    else:
        line = bytearray(lines[at])
        authentic.spoil_text(chance, line)
        lines[at] = bytes(line)
    return b"".join(lines)


def _spoilt_part(chance: Random, line: dict[str, Any], piece: bytes) -> tuple[dict[str, Any], bytes]:
    name = chance.choice((*line, "more"))
    which = chance.randrange(4)
    if which == 0:
        return {key: value for key, value in line.items() if key != name}, piece
    if which == 1 and isinstance(line.get(name), str):
        text = line[name]
        at = chance.randrange(len(text))
        return line | {name: text[:at] + chr(chance.randrange(1, 0x7F)) + text[at + 1 :]}, piece
    if which == 2:
        return line, piece[: chance.randrange(len(piece) + 1)]
    return line | {name: chance.choice(VALUES)}, piece


def spoilt_query(chance: Random, keys: Sequence[str]) -> bytes:
    """The body of a query; `keys` are those of rows."""
    query: dict[str, Any] = {
        "device": chance.choice(sorted(DOCUMENT["devices"])),
        "from": chance.choice(("0001-01-01T00:00:00.000000Z", *(key[:27] for key in keys))),
        "to": chance.choice(("9999-12-31T23:59:59.999999Z", *(key[:27] for key in keys))),
        "limit": chance.randrange(1, 6),
        "cursor": chance.choice((None, *keys)),
        "order": chance.choice(("asc", "desc")),
    }
    if chance.randrange(3) == 0:
        query["types"] = chance.choice(
            (["pump", "thermostat"], ["lamp"], [], ["pump", "a/b"], ["pump", 1], "pump")
        )
    for _ in range(max(0, chance.randrange(4) - 2)):
        name = chance.choice((*query, "more"))
        value = query.get(name)
        if isinstance(value, str) and chance.randrange(2):
            at = chance.randrange(len(value))
            query[name] = value[:at] + chr(chance.randrange(1, 0x7F)) + value[at + 1 :]
        elif isinstance(value, str) and name == "cursor":
            query[name] = re.sub(r"\d\d", f"{chance.randrange(100):02}", value, count=chance.randrange(1, 9))
        else:
            query[name] = chance.choice(authentic.VALUES)
    body = bytearray(json.dumps(query).encode())
    if chance.randrange(8) == 0:
        authentic.spoil_text(chance, body)
    return bytes(body)
