"""What a device may send: JSON, at most `MAX_PAYLOAD_BYTES`, one reading or an array of 1 to 500 of them.

A reading is an object in one of two forms:

* an envelope, `{"time": …, "id": …, "data": {"temperature": 21.5}}`: it has the key `data`, whose value is an
  object, and no key other than `time`, `id`, `traceparent` and `data`;
* flat, `{"temperature": 21.5, "humidity": 40}`: every key is a measurement, but for `time`, `id` and
  `traceparent`, which mean the same as in an envelope. `data` is then a measurement too, unless its value is
  an object.

`time` is RFC 3339 with an offset. Without it, the time that the device signed with the message counts, or the
broker's time of receipt where it signs none. A time outside the bounds of the device's type (see `clocks`)
is kept as the event's `devicetime`, and its `time` is that of the receipt; or the reading is refused.

`id` is a string (see `cloudevents.dated_id`) or an integer, and becomes the event's with the device's time.
Without it, the event's is a hash of device, time and data, and, for a reading of an array without `time`, of
its position, so that equal readings stay two. `traceparent` is W3C's. A reading has at least one measurement,
and at most `cloudevents.MAX_DATA_BYTES` of them as they are written. A reading of an array is judged by
itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twin_runtime import jsontext, times
from twin_runtime.events import cloudevents
from twin_runtime.events.clocks import Bounds
from twin_runtime.model import Twin
from twin_runtime.ports import BrokerMessage

MAX_PAYLOAD_BYTES = 128 * 1024
"""What IoT Core takes, the least of the three brokers: what a device may send on one cloud it may on all. IoT
Hub takes 256 KiB, Pub/Sub 10 MB."""
MAX_READINGS = 500
_RESERVED = frozenset(("time", "id", "traceparent"))
_ENVELOPE = _RESERVED | {"data"}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """One reading that is refused, with the reason; `reading` is its JSON text, or the body as it came."""

    reason: str
    reading: str | bytes


def read(message: BrokerMessage, device: str, twin: Twin, now: float) -> list[str | Unreadable]:
    """The events of a payload, in its order, as `cloudevents.encode` writes them. `now` counts where the
    broker did not say when it took it.
    """
    try:
        document, levels = jsontext.loads_levels(
            message.body, max_bytes=MAX_PAYLOAD_BYTES, max_depth=jsontext.MAX_DEPTH + 2
        )
    except jsontext.Malformed as error:
        return [Unreadable(str(error), message.body)]
    readings: list[Any] = document if isinstance(document, list) else [document]
    if not 0 < len(readings) <= MAX_READINGS:
        return [Unreadable(f"The array must have 1 to {MAX_READINGS} readings.", message.body)]
    bounds = Bounds.around(message.received, twin.device_types[twin.devices[device]].clock, now)
    write = cloudevents.writer(twin.name, device, twin.devices[device], bounds.received)
    found: list[str | Unreadable] = []
    opened: list[tuple[int, dict[str, Any]]] = []
    for position, reading in enumerate(readings):
        try:
            fields, data = _open(reading)
            if levels >= jsontext.MAX_DEPTH and jsontext.levels(data) >= jsontext.MAX_DEPTH:
                raise cloudevents.Invalid(f"The reading is nested deeper than {jsontext.MAX_DEPTH} levels.")
            found.append(_head(fields, data, position, message, bounds, device, write))
            opened.append((position, data))
        except ValueError as error:
            found.append(Unreadable(str(error), jsontext.dumps(reading)))
    texts = jsontext.dumps_each([data for _, data in opened])
    for (position, _), text in zip(opened, texts, strict=True):
        if len(text) <= cloudevents.MAX_DATA_BYTES:
            found[position] = f"{found[position]}{text}}}"
        else:
            reason = f"The data is longer than {cloudevents.MAX_DATA_BYTES} bytes."
            found[position] = Unreadable(reason, jsontext.dumps(readings[position]))
    return found


def _head(
    fields: dict[str, Any],
    data: dict[str, Any],
    position: int,
    message: BrokerMessage,
    bounds: Bounds,
    device: str,
    write: Callable[..., str],
) -> str:
    """The text of an event up to its data."""
    said = times.normalise(fields.get("time", message.sent or message.received))
    clock = bounds.verdict(said)
    if clock and bounds.clock.refuse:
        bounds.check(said)
    if "id" in fields:
        id = cloudevents.dated_id(fields["id"], said)
    elif position and "time" not in fields:
        id = cloudevents.hashed_id(device, said, data, position)
    else:
        id = cloudevents.hashed_id(device, said, data)
    trace = cloudevents.check_traceparent(fields["traceparent"]) if "traceparent" in fields else None
    if clock:
        time = _plausible(message, bounds)
        return write(time, id, trace, said, clock)
    return write(said, id, trace)


def _plausible(message: BrokerMessage, bounds: Bounds) -> str:
    """The time of a reading whose own is not plausible: that of the signature, which is the same when
    somebody publishes the message again, or that of the receipt.
    """
    return message.sent if message.sent and not bounds.verdict(message.sent) else bounds.received


def _open(reading: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Where the reserved fields are, and the measurements, of which there are some."""
    if not isinstance(reading, dict):
        raise cloudevents.Invalid("A reading must be a JSON object.")
    data = reading.get("data")
    if not isinstance(data, dict):
        data = {name: value for name, value in reading.items() if name not in _RESERVED}
    elif not _ENVELOPE.issuperset(reading):
        raise cloudevents.Invalid("A reading with data has no other key than time, id and traceparent.")
    if not data:
        raise cloudevents.Invalid("The reading has no measurement.")
    return reading, data
