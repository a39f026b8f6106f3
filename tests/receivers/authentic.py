"""Batches that are signed by the right key and hold events that are no events, and a judge of them.

The judge is written from docs/wire-format.md and knows nothing of the code that it judges.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

from support.samples import DOCUMENT

DEEPEST = 32
LONGEST_BODY = 262_144
_NAMES = {"specversion", "type", "source", "id", "time", "subject", "datacontenttype", "data", "traceparent"}
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
_COMMAND = {"command", "value", "rule", "event_id", "expires"}
_EXTENSIONS = ("received", "devicetime", "clock")
_PATTERNS = {
    "source": r"/twins/factory/devices/[^/]+",
    "id": r"[A-Za-z0-9][A-Za-z0-9._:@=+~-]{0,159}",
    "time": TIME,
    "traceparent": r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}",
    "received": TIME,
    "devicetime": TIME,
    "clock": "ahead|behind",
}


def _nested(levels: int) -> list[Any]:
    made: list[Any] = []
    for _ in range(levels - 1):
        made = [made]
    return made


VALUES: Sequence[Any] = (
    *(None, True, False, 0, -1, 1.0, 10**60, 1e308, "", "x", "1.0", "2.0", "\x00", "\ud800", "é" * 300),
    *(_nested(DEEPEST - 2), _nested(DEEPEST - 1), _nested(DEEPEST), _nested(200)),
    *([], {}, [1], {"a": {"b": [None]}}, "A" * 3_000, [[[[[[]]]]]], {"command": "set_point"}),
    *("/twins/other/devices/thermostat-1", "/twins/factory/devices/stranger", "/twins/factory/devices/"),
    *("2024-02-30T12:00:00.000000Z", "2024-02-29T12:00:00Z", "2024-02-29T24:00:00.000000Z", "now"),
    *("0001-01-01T00:00:00.000000Z", "2016-12-31T23:59:60.000000Z", "٢٠٢٤-02-29T12:00:00.000000Z"),
    *(
        "twinspan.command.v1",
        "twinspan.telemetry.v1",
        "ahead",
        "thermostat",
        "pump",
        "set_point",
        "application/xml",
    ),
    *(f"00-{'0' * 32}-{'1' * 16}-01", f"00-{'A' * 32}-{'1' * 16}-01", f"01-{'1' * 32}-{'1' * 16}-01"),
)
TIMES = ("1970-01-01T00:00:00.000000Z", "2100-01-01T00:00:00.000000Z", "2100-02-29T00:00:00.000000Z")
TEXTS: Sequence[bytes] = (
    *(b"NaN", b"-Infinity", b"1e999", b"9" * 5_000, b'{"a":1,"a":2}', b"'", b"\xff", b"\\ud800", b"\x00"),
    *(b"[" * 40 + b"]" * 40, b'{"a":' * 40 + b"1" + b"}" * 40, b"[" * 20_000, b",", b"}", b"]", b'"'),
)


def spoilt(chance: Random, events: Sequence[dict[str, Any]]) -> bytes:
    """The body of a batch in which some events, or the text of all, are changed."""
    items: list[Any] = [
        _spoilt_event(chance, event) if chance.randrange(3) == 0 else event for event in events
    ]
    document: Any = items
    if chance.randrange(20) == 0:
        document = chance.choice((items[0], {"events": items}, [items], None, "x", 1))
    body = bytearray(json.dumps(document, separators=chance.choice(((",", ":"), None))).encode())
    if chance.randrange(4) == 0:
        spoil_text(chance, body)
    return bytes(body)


def _spoilt_event(chance: Random, event: dict[str, Any]) -> Any:
    which = chance.randrange(6)
    name = chance.choice((*sorted(_NAMES), *_EXTENSIONS))
    if which == 0:
        return {key: value for key, value in event.items() if key != name}
    if which == 1:
        return event | {chance.choice(("more", "Data", "", name.upper())): chance.choice(VALUES)}
    if which == 2:
        return chance.choice(VALUES)
    if which == 3 and isinstance(text := event.get(name), str):
        at = chance.randrange(len(text))
        return event | {name: text[:at] + chr(chance.randrange(0x2FF)) + text[at + 1 :]}
    if which == 4:
        return event | {"data": {"value": chance.choice(VALUES)} | event["data"]}
    if which == 5 and chance.randrange(2):
        clock = {"devicetime": chance.choice(TIMES), "clock": chance.choice(("ahead", "behind", "late"))}
        return event | {"received": chance.choice(TIMES)} | clock
    return event | {name: chance.choice(VALUES)}


def spoil_text(chance: Random, body: bytearray) -> None:
    """Change a body, which is not empty, in one place."""
    at = chance.randrange(len(body))
    which = chance.randrange(4)
    if which == 0:
        body[at] ^= 1 << chance.randrange(8)
    elif which == 1:
        body[at:at] = chance.choice(TEXTS)
    elif which == 2:
        # In the place of a value: what follows a colon.
        colons = [match.end() for match in re.finditer(rb":", body)]
        if colons:
            at = chance.choice(colons)
            body[at : at + chance.randrange(1, 12)] = chance.choice(TEXTS)
    else:
        del body[at : at + chance.randrange(1, 30)]


def judged(body: bytes, kind: str) -> list[tuple[Any, bool]] | None:
    """The items of a batch, each with whether it is an event of the twin; None where it is no batch."""
    items = strict(body)
    if not isinstance(items, list) or any(depth(item) > DEEPEST for item in items):
        return None
    return [(item, _is_event(item, kind)) for item in items]


def strict(text: bytes) -> Any:
    """The value of JSON that is one and the same to every reader; None where it is none."""
    try:
        return json.loads(
            text.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite
        )
    except (ValueError, RecursionError):
        return None


def _is_event(item: Any, kind: str) -> bool:
    if not isinstance(item, dict) or not item.keys() >= _NAMES:
        return False
    extensions = tuple(name for name in _EXTENSIONS if name in item)
    if len(_NAMES) + len(extensions) != len(item) or extensions not in ((), ("received",), _EXTENSIONS):
        return False
    if extensions and kind != "twinspan.telemetry.v1":
        return False
    if (item["specversion"], item["type"], item["datacontenttype"]) != ("1.0", kind, "application/json"):
        return False
    present = [name for name in _PATTERNS if name in item]
    if not all(isinstance(item[name], str) and _matches(name, item[name]) for name in present):
        return False
    try:
        for name in ("time", *extensions[:2]):
            datetime.strptime(item[name], "%Y-%m-%dT%H:%M:%S.%fZ")
    except ValueError:
        return False
    device = item["source"].rpartition("/")[2]
    if device not in DOCUMENT["devices"] or not isinstance(item["data"], dict):
        return False
    type_ = DOCUMENT["devices"][device]
    if kind == "twinspan.telemetry.v1":
        return item["subject"] == type_
    named, data = item["subject"], item["data"]
    return (
        isinstance(named, str)
        and named in DOCUMENT["device_types"][type_]["commands"]
        and data.keys() == _COMMAND
        and data["command"] == named
        and type(data["value"]) in (int, float)
        and _is_to_come(data["expires"])
    )


def is_made(command: Any) -> bool:
    """Whether the twin's rule makes a command; one that none makes is to be sent again."""
    data, (rule,) = command["data"], DOCUMENT["rules"]
    made = rule["then"]["feedback"]
    return (
        (data["rule"], data["command"]) == (rule["name"], made["command"])
        and data["value"] == made["value"]
        and DOCUMENT["devices"][command["source"].rpartition("/")[2]] == rule["device_type"]
    )


def _is_to_come(expires: Any) -> bool:
    if not isinstance(expires, str) or not re.fullmatch(TIME, expires, re.ASCII):
        return False
    try:
        return datetime.fromisoformat(expires) > datetime.now(UTC)
    except ValueError:
        return False


def _matches(name: str, value: str) -> bool:
    return re.fullmatch(_PATTERNS[name], value, re.ASCII) is not None


def depth(value: Any) -> int:
    """How many levels of objects and arrays there are."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError
    return dict(pairs)


def _refuse(_: str) -> Any:
    raise ValueError


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError
    return value
