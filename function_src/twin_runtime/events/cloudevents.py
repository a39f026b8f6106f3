"""CloudEvents 1.0 in JSON: the one shape that passes between the roles and the clouds.

An event is a dict with the attributes of `ATTRIBUTES`. Its identity is `source` with `id`. `traceparent` is
made once, by the dispatcher, and never changed after.

A telemetry event may also have those of `EXTENSIONS`, all three of which are the dispatcher's: `received` is
when the broker received the reading. Where the device's clock was outside the limits of its type, `clock` is
`ahead` or `behind`, `devicetime` is what it said, and `time` is the time of receipt. Events of earlier
releases have none of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from twin_runtime import jsontext, times
from twin_runtime.ports import Event

if TYPE_CHECKING:
    from twin_runtime.model import Twin

TELEMETRY = "twinspan.telemetry.v1"
COMMAND = "twinspan.command.v1"
BATCH_MEDIA_TYPE = "application/cloudevents-batch+json"
MAX_DATA_BYTES = 128_000
"""Of the data of one event, as `encode` writes it: the limit of a reading, the same on every cloud.

It leaves room for the rest of a reading in the smallest message that a broker takes, which is IoT Core's of
128 KiB. An event of this size is far within an item of DynamoDB (400 KB), a document of Firestore (1 MiB) and
an item of Cosmos DB (2 MB).
"""
SURELY_SHORT = MAX_DATA_BYTES // 5
"""Data in a text of this length is within `MAX_DATA_BYTES`.

Data that is read and written again grows at most fivefold: "1e15," becomes "1000000000000000.0,", and a
character of two bytes an escape of six.
"""
MAX_STORED_BYTES = 900_000
"""Of the data of an event that is stored: until there was a limit of a reading, this was the bound."""

ATTRIBUTES = frozenset(
    ("specversion", "type", "source", "id", "time", "subject", "datacontenttype", "data", "traceparent")
)
EXTENSIONS = frozenset(("received", "devicetime", "clock"))
_VERSION = re.compile(r"([a-z.]{1,40})\.v([1-9][0-9]{0,5})")
_TIMES = ("time", "received", "devicetime")
_CLOCKS = ("ahead", "behind")
_moment = datetime.fromisoformat
_ID_CHARACTERS = "[A-Za-z0-9][A-Za-z0-9._:@=+~-]"
_OWN_ID = re.compile(_ID_CHARACTERS + "{0,127}")
LONGEST_ID = 160
"""Of an event. A device's own id is at most 128 long, and its time follows."""
_ID = re.compile(f"{_ID_CHARACTERS}{{0,{LONGEST_ID - 1}}}+")
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}+-(?!0{16})[0-9a-f]{16}+-[0-9a-f]{2}+")


class Invalid(ValueError):
    """One event is not acceptable; the text says why in one sentence."""


class Newer(Invalid):
    """One event is of a version that this release does not read: it must come again, because functions of two
    releases run side by side during a deployment.
    """


def source(twin: str, device: str) -> str:
    """The `source` of a device's events."""
    return f"/twins/{twin}/devices/{device}"


def make(
    kind: str,
    *,
    twin: str,
    device: str,
    subject: str,
    data: Mapping[str, Any],
    time: str,
    id: str,
    traceparent: str | None = None,
    received: str = "",
    device_time: str = "",
    clock: str = "",
) -> Event:
    """A new event. A missing `traceparent` is derived from the identity: a redelivery gets the same."""
    origin = source(twin, device)
    event: Event = {
        "specversion": "1.0",
        "type": kind,
        "source": origin,
        "id": id,
        "time": time,
        "subject": subject,
        "datacontenttype": "application/json",
        "traceparent": traceparent or _trace(origin, id),
    }
    if received:
        event["received"] = received
    if clock:
        event["devicetime"], event["clock"] = device_time, clock
    event["data"] = data if type(data) is dict else dict(data)
    return event


def writer(twin: str, device: str, subject: str, received: str) -> Callable[..., str]:
    """Return what writes telemetry up to its data, as `encode` writes an event that `make` made."""
    origin = source(twin, device)
    before = f'{{"specversion":"1.0","type":"{TELEMETRY}","source":{jsontext.dumps(origin)},"id":"'
    between = f'","subject":{jsontext.dumps(subject)},"datacontenttype":"application/json","traceparent":"'
    after = f'","received":"{received}"'

    def write(time: str, id: str, traceparent: str | None, device_time: str = "", clock: str = "") -> str:
        said = f',"devicetime":"{device_time}","clock":"{clock}"' if clock else ""
        trace = traceparent or _trace(origin, id)
        return f'{before}{id}","time":"{time}{between}{trace}{after}{said},"data":'

    return write


def data_of(text: str) -> str:
    """The text of the data of an event that is written as `encode` writes it."""
    # No value before it has a quote.
    return text[text.index(',"data":') + 8 : -1]


def traceparent_of(text: str) -> str:
    """The traceparent of an event that is written as `encode` writes it."""
    return text.partition('"traceparent":"')[2].partition('"')[0]


def hashed_id(*parts: object) -> str:
    """A deterministic id of 32 hexadecimal digits from JSON values."""
    return sha256(jsontext.canonical(parts).encode("ascii")).hexdigest()[:32]


def dated_id(own: object, time: str) -> str:
    """The id of a reading with an id of its own, a string or an integer, and a time in the fixed-width form.

    The time makes it unique: a device may count from 1 again after each start. Raises `Invalid`.
    """
    if _OWN_ID.fullmatch(own) if isinstance(own, str) else type(own) is int and 0 <= own < 10**18:
        return f"{own}@{times.compact(time)}"
    raise Invalid("The id must be 1 to 128 of A-Z a-z 0-9 . _ : @ = + ~ -, the first a letter or digit.")


def check_traceparent(value: object) -> str:
    """A W3C traceparent, version 00; raises `Invalid`."""
    if isinstance(value, str) and _TRACEPARENT.fullmatch(value):
        return value
    raise Invalid("The traceparent is not of the form 00-<32 hex>-<16 hex>-<2 hex>.")


def device_of(event: Event, twin: Twin) -> str:
    """The device that an event is from, or for; raises `Invalid` unless it is one of this twin's."""
    origin = event.get("source")
    prefix = source(twin.name, "")
    if not isinstance(origin, str) or not origin.startswith(prefix):
        raise Invalid("The source is not a device of this twin.")
    device = origin[len(prefix) :]
    if device not in twin.devices:
        raise Invalid("The device is not known to this twin.")
    return device


def check_version(kind: object, known: str) -> None:
    """Raises `Newer` where `kind` is a later version of the type `known`."""
    family, _, version = known.rpartition(".v")
    found = _VERSION.fullmatch(kind) if isinstance(kind, str) else None
    if found and found[1] == family and int(found[2]) > int(version):
        raise Newer(f"The version {kind} is newer than {known}; a deployment may be under way.")


def check(value: object, twin: Twin, kind: str = TELEMETRY) -> Event:
    """`value` as an event of this twin and of type `kind`, all attributes as `make` writes them; raises
    `Invalid`, or `Newer` where a later release may read it.
    """
    if not isinstance(value, dict):
        raise Invalid("The event is not a JSON object.")
    event: Event = value
    if event.get("specversion") != "1.0":
        raise Invalid("The specversion is not 1.0.")
    if event.get("type") != kind:
        check_version(event.get("type"), kind)
        raise Invalid(f"The type is not {kind}.")
    if missing := sorted(ATTRIBUTES - event.keys()):
        raise Invalid(f"The event lacks {missing[0]}.")
    extensions = event.keys() - ATTRIBUTES
    if extensions and (kind != TELEMETRY or not extensions <= EXTENSIONS):
        raise Invalid("The event has an unknown attribute.")
    device = device_of(event, twin)
    if not isinstance(event["id"], str) or not _ID.fullmatch(event["id"]):
        raise Invalid(
            f"The id must be a string of 1 to {LONGEST_ID} of A-Z a-z 0-9 . _ : @ = + ~ -, "
            "the first a letter or digit."
        )
    for name in _TIMES:
        if name in event:
            _check_time(event[name])
    if extensions - {"received"} and (extensions != EXTENSIONS or event["clock"] not in list(_CLOCKS)):
        raise Invalid("The event must have received, devicetime and clock, which is ahead or behind.")
    if event["datacontenttype"] != "application/json" or not isinstance(event["data"], dict):
        raise Invalid("The data is not a JSON object of type application/json.")
    check_traceparent(event["traceparent"])
    _check_subject(event, twin, device, kind)
    return event


def _check_time(value: object) -> None:
    try:
        exact = times.normalise(value) == value
    except ValueError as error:
        raise Invalid(str(error)) from None
    if not exact:
        raise Invalid("The time is not in UTC with six fractional digits.")


def _check_subject(event: Event, twin: Twin, device: str, kind: str) -> None:
    device_type = twin.devices[device]
    if kind == TELEMETRY and event["subject"] != device_type:
        raise Invalid("The subject is not the type of the device.")
    if kind == COMMAND:
        known = twin.device_types[device_type].commands
        # The subject may be anything, an unhashable list included.
        if event["subject"] not in list(known) or event["data"].get("command") != event["subject"]:
            raise Invalid("The command is not one of the device's type.")


def check_size(data: Mapping[str, Any], text: str | bytes) -> None:
    """Raise `Invalid` where the data is longer than `MAX_DATA_BYTES`. It was read from the JSON `text`."""
    if len(text) > SURELY_SHORT and len(jsontext.dumps(data)) > MAX_DATA_BYTES:
        raise Invalid(f"The data is longer than {MAX_DATA_BYTES} bytes.")


def encode(event: Event) -> str:
    """One event as ASCII JSON; raises `jsontext.Malformed`."""
    return jsontext.dumps(event)


def encode_batch(events: Iterable[Event]) -> str:
    """A batch as ASCII JSON; raises `jsontext.Malformed`."""
    return jsontext.dumps(list(events))


def decode_batch(body: str | bytes, *, max_bytes: int, max_events: int) -> list[tuple[Any, str]]:
    """The items of a batch, unchecked one by one, each with its ASCII text; raises `jsontext.Malformed`."""
    return jsontext.loads_items(body, max_bytes=max_bytes, max_items=max_events)


def read_batch(
    body: str | bytes, twin: Twin, kind: str, *, max_bytes: int, max_events: int
) -> list[tuple[Any, str, Invalid | None]]:
    """The items of a batch, each with its ASCII text and, where it is not an event of this twin and of type
    `kind`, why; raises `jsontext.Malformed`.
    """
    return jsontext.judged_items(
        body,
        lambda item: _problem(item, twin, kind),
        max_bytes=max_bytes,
        max_items=max_events,
        recognise=_recognise(twin) if kind == TELEMETRY else None,
    )


def _problem(item: object, twin: Twin, kind: str) -> Invalid | None:
    try:
        check(item, twin, kind)
    except Invalid as error:
        return error
    return None


def _recognise(twin: Twin) -> jsontext.Recognise:
    """Reads an event that passes `check`, where its text is as `encode` writes what `make` made.

    Nearly all events are. One match then does what the decoder and `check` do for all attributes but `data`,
    in two thirds of the time; whatever is not matched in full is left to those two.
    """
    match, devices = head(twin.name).match, twin.devices

    def recognise(text: str, at: int) -> tuple[Event, int] | None:
        found = match(text, at)
        if found is None:
            return None
        event = _attributes(found, devices)
        if event is None:
            return None
        read = jsontext.scan_object(text, found.end(), max_depth=jsontext.MAX_DEPTH - 1)
        if read is None or not text.startswith("}", read[1]):
            return None
        event["data"], end = read
        return event, end + 1

    return recognise


def _attributes(found: re.Match[str], devices: Mapping[str, str]) -> Event | None:
    """All attributes but `data` of what `head` has found; None for what `check` would refuse."""
    origin, device, id, time, subject, traceparent, received, device_time, clock = found.groups()[:9]
    if devices.get(device) != subject:
        return None
    try:
        # As `times.exists`, without its calls.
        _moment(time)
        if received is not None:
            _moment(received)
        if device_time is not None:
            _moment(device_time)
    except ValueError:
        return None
    event = {
        "specversion": "1.0",
        "type": TELEMETRY,
        "source": origin,
        "id": id,
        "time": time,
        "subject": subject,
        "datacontenttype": "application/json",
        "traceparent": traceparent,
    }
    if received is not None:
        event["received"] = received
    if clock is not None:
        event["devicetime"], event["clock"] = device_time, clock
    return event


def read_heads(
    body: str | bytes, twin: Twin, *, max_bytes: int, max_events: int
) -> list[tuple[Event, str]] | None:
    """The events of a batch of telemetry, each with its text, which alone has the data.

    None for a batch that `read_batch` is to judge: one with an event that it refuses, that is not written as
    `encode_batch` writes it, or that has lists, objects or quotes in its data.
    """
    if len(body) > max_bytes or not body.isascii():
        return None
    text = body if isinstance(body, str) else body.decode("ascii")
    match, devices = _flat_event(twin.name).match, twin.devices
    events: list[tuple[Event, str]] = []
    at = text.startswith("[")
    while found := match(text, at):
        event, end = _attributes(found, devices), found.end()
        if event is None or len(events) == max_events or not jsontext.keys_differ(found[10]):
            return None
        events.append((event, text[at : end - 1]))
        if end == len(text):
            return events if at and text.endswith("]") else None
        at = end
    return None


@lru_cache(maxsize=4)
def _flat_event(twin: str) -> re.Pattern[str]:
    """An event with flat data, and the comma or bracket after it."""
    return re.compile(rf"{head(twin).pattern}({jsontext.FLAT})\}}(?:,(?=\{{)|\]\Z)")


@lru_cache(maxsize=4)
def head(twin: str) -> re.Pattern[str]:
    """The text of an event of the twin up to its data: source, device, id, time, subject, traceparent, and
    received, devicetime and clock or None. Without escapes and control characters in it, a text and its value
    are the same.
    """
    plain = r'[^"\\\x00-\x1f]++'
    return re.compile(
        r'\{"specversion":"1\.0","type":"'
        + re.escape(TELEMETRY)
        + rf'","source":"({re.escape(source(twin, ""))}({plain}))","id":"({_ID.pattern})"'
        + rf',"time":"({times.FIXED})","subject":"({plain})","datacontenttype":"application/json"'
        + rf',"traceparent":"({_TRACEPARENT.pattern})"(?:,"received":"({times.FIXED})"'
        + rf'(?:,"devicetime":"({times.FIXED})","clock":"({"|".join(_CLOCKS)})")?+)?+,"data":'
    )


def _trace(origin: str, id: str) -> str:
    digest = sha256(f"{origin}\0{id}".encode()).hexdigest()
    # W3C forbids the all-zero trace and span ids; a digit set in each rules them out.
    return f"00-{digest[:31]}1-{digest[32:47]}1-01"
