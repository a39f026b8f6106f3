"""CloudEvents 1.0 in JSON: the one shape that passes between the roles and the clouds.

An event is a dict with exactly the attributes of `ATTRIBUTES`. Its identity is `source` with `id`.
`traceparent` is made once, by the dispatcher, and never changed after.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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
MAX_EVENT_BYTES = 900_000

ATTRIBUTES = frozenset(
    ("specversion", "type", "source", "id", "time", "subject", "datacontenttype", "data", "traceparent")
)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@=+~-]{0,127}")
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class Invalid(ValueError):
    """One event is not acceptable; the text says why in one sentence."""


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
) -> Event:
    """A new event. A missing `traceparent` is derived from the identity: a redelivery gets the same."""
    origin = source(twin, device)
    return {
        "specversion": "1.0",
        "type": kind,
        "source": origin,
        "id": id,
        "time": time,
        "subject": subject,
        "datacontenttype": "application/json",
        "traceparent": traceparent or _trace(origin, id),
        "data": dict(data),
    }


def hashed_id(*parts: object) -> str:
    """A deterministic id of 32 hexadecimal digits from JSON values."""
    return sha256(jsontext.canonical(parts).encode("ascii")).hexdigest()[:32]


def check_id(value: object) -> str:
    """An id as a device may give it: a string, or an integer; raises `Invalid`."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**18:
        return str(value)
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
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


def check(value: object, twin: Twin, kind: str = TELEMETRY) -> Event:
    """`value` as an event of this twin and of type `kind`, all attributes as `make` writes them; raises
    `Invalid`.
    """
    if not isinstance(value, dict):
        raise Invalid("The event is not a JSON object.")
    event: Event = value
    if event.get("specversion") != "1.0":
        raise Invalid("The specversion is not 1.0.")
    if event.get("type") != kind:
        raise Invalid(f"The type is not {kind}.")
    if event.keys() != ATTRIBUTES:
        missing = sorted(ATTRIBUTES - event.keys())
        raise Invalid(f"The event lacks {missing[0]}." if missing else "The event has an unknown attribute.")
    device = device_of(event, twin)
    if not isinstance(event["id"], str):
        raise Invalid("The id is not a string.")
    check_id(event["id"])
    try:
        exact = times.normalise(event["time"]) == event["time"]
    except ValueError as error:
        raise Invalid(str(error)) from None
    if not exact:
        raise Invalid("The time is not in UTC with six fractional digits.")
    if event["datacontenttype"] != "application/json" or not isinstance(event["data"], dict):
        raise Invalid("The data is not a JSON object of type application/json.")
    check_traceparent(event["traceparent"])
    _check_subject(event, twin, device, kind)
    return event


def _check_subject(event: Event, twin: Twin, device: str, kind: str) -> None:
    device_type = twin.devices[device]
    if kind == TELEMETRY and event["subject"] != device_type:
        raise Invalid("The subject is not the type of the device.")
    if kind == COMMAND:
        known = twin.device_types[device_type].commands
        # The subject may be anything, an unhashable list included.
        if event["subject"] not in list(known) or event["data"].get("command") != event["subject"]:
            raise Invalid("The command is not one of the device's type.")


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
        origin, device, id, time, subject, traceparent = found.groups()
        if devices.get(device) != subject or not times.exists(time):
            return None
        read = jsontext.scan_object(text, found.end(), max_depth=jsontext.MAX_DEPTH - 1)
        if read is None or not text.startswith("}", read[1]):
            return None
        data, end = read
        event = {
            "specversion": "1.0",
            "type": TELEMETRY,
            "source": origin,
            "id": id,
            "time": time,
            "subject": subject,
            "datacontenttype": "application/json",
            "traceparent": traceparent,
            "data": data,
        }
        return event, end + 1

    return recognise


@lru_cache(maxsize=4)
def head(twin: str) -> re.Pattern[str]:
    """The text of an event of the twin up to its data: source, device, id, time, subject and traceparent.
    Without escapes and control characters in it, a text and its value are the same.
    """
    plain = r'[^"\\\x00-\x1f]+'
    return re.compile(
        r'\{"specversion":"1\.0","type":"'
        + re.escape(TELEMETRY)
        + rf'","source":"({re.escape(source(twin, ""))}({plain}))","id":"({_ID.pattern})"'
        + rf',"time":"({times.FIXED})","subject":"({plain})","datacontenttype":"application/json"'
        + rf',"traceparent":"({_TRACEPARENT.pattern})","data":'
    )


def _trace(origin: str, id: str) -> str:
    digest = sha256(f"{origin}\0{id}".encode()).hexdigest()
    # W3C forbids the all-zero trace and span ids; a digit set in each rules them out.
    return f"00-{digest[:31]}1-{digest[32:47]}1-01"
