"""Dead letters: what a role gives up on, with the reason, in one shape for all clouds and hops.

A dead letter is one queue message, a JSON object:

    {"dead_letter": 1, "role": "writer", "time": "2024-02-29T12:00:00.000000Z",
     "reason": "The device is not known to this twin.", "event": {…}}

`reason` is one sentence. `detail`, where present, is the text of the user's exception. The original is
exactly one of: `event` (a CloudEvent; a resend puts `[event]` into the queue before the hop), `body` (text
that was not understood) or `body_base64`. One that is too long for the queue is kept as `event_gzip` or
`body_gzip` (base64 of gzip), which fits whatever is within the limits of a reading. None is ever cut: what
does not fit comes back until the queue moves it by itself. A dispatcher's letter also has `device` and
`received`, and `sent` where the device signs, which a resend needs to send the body through the broker's path
again, with the same identity and time. What a queue moves by itself after its limit of deliveries is the
plain message: a JSON array of events. `decode` reads both.
"""

from __future__ import annotations

import math
import time
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from twin_runtime import jsontext, times
from twin_runtime.errors import Retry
from twin_runtime.log import Log
from twin_runtime.ports import Event, Queue

MOVED_BY_QUEUE = "The queue moved it after its limit of deliveries."
NEWER = "A newer release wrote this dead letter; read it with the commands of that release."
_READ_LIMIT = 64_000_000
_OPTIONAL = ("detail", "device", "received", "role", "sent", "time")


class DeadLetter(NamedTuple):
    """What was given up. `event` or `body` is set; `role` and `time` are filled in when it is sent."""

    reason: str
    event: Event | None = None
    body: str | bytes | None = None
    detail: str | None = None
    device: str | None = None
    received: str | None = None
    role: str | None = None
    time: str | None = None
    sent: str | None = None


class DeadLetters:
    """Sends dead letters to a queue, and logs each one as `dead_letter` with its reason."""

    def __init__(self, queue: Queue, log: Log, clock: Callable[[], float] = time.time) -> None:
        self._queue = queue
        self._log = log
        self._clock = clock

    def put(self, letters: Sequence[DeadLetter], *, deadline: float = math.inf) -> None:
        """Durable on return; raises what the queue raises, and `Retry` for a letter that it cannot take.
        `deadline` is as in `Queue.send`.
        """
        if not letters:
            return
        now = times.from_epoch(self._clock())
        limit = self._queue.max_body_bytes
        self._queue.send(
            [encode(letter, role=self._log.role, time=now, max_bytes=limit) for letter in letters],
            deadline=deadline,
        )
        for letter in letters:
            trace = letter.event.get("traceparent") if letter.event else None
            self._log.error("dead_letter", reason=letter.reason, traceparent=trace, device=letter.device)


def of_item(reason: str, item: Any, text: str) -> DeadLetter:
    """The letter of an item of a batch, which may be an event whose data is in its text alone."""
    if not isinstance(item, dict):
        return DeadLetter(reason, body=text)
    return DeadLetter(reason, event=whole(item, text))


def whole(event: Event, text: str) -> Event:
    """An event with its data, which may be in its text alone."""
    return event if "data" in event or not text else jsontext.loads(text, max_bytes=len(text))


def encode(letter: DeadLetter, *, role: str, time: str, max_bytes: int) -> str:
    """The message of a dead letter, at most `max_bytes` long; raises `Retry` where there is none."""
    head: dict[str, Any] = {"dead_letter": 1, "role": role, "time": time, "reason": letter.reason[:500]}
    optional = {
        "detail": letter.detail,
        "device": letter.device,
        "received": letter.received,
        "sent": letter.sent,
    }
    head.update((name, value[:2000]) for name, value in optional.items() if value is not None)
    try:
        name, original = "event", jsontext.dumps(letter.event).encode()
        plain = {"event": letter.event}
    except jsontext.Malformed:
        # A value that JSON cannot carry came from the user's code: its text is all that can be kept.
        name, original = "body", repr(letter.event).encode("utf-8", "backslashreplace")
        plain = {"body": original.decode()}
    if letter.event is None:
        name, original, plain = "body", *_body(letter.body or "")
    message = jsontext.dumps(head | plain)
    if len(message) <= max_bytes:
        return message
    message = jsontext.dumps(head | {f"{name}_gzip": b64encode(_gzip(original)).decode()})
    if len(message) > max_bytes:
        raise Retry(f"A dead letter of {len(message)} bytes is longer than its queue takes ({max_bytes}).")
    return message


def decode(message: str | bytes) -> list[DeadLetter]:
    """The dead letters of one message of a dead-letter queue; a message of neither shape is one letter by
    itself.
    """
    try:
        value = jsontext.loads(message, max_bytes=_READ_LIMIT, max_depth=jsontext.MAX_DEPTH + 4)
    except jsontext.Malformed:
        return [DeadLetter(MOVED_BY_QUEUE, body=message)]
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return [DeadLetter(MOVED_BY_QUEUE, event=item) for item in value]
    version = value.get("dead_letter") if isinstance(value, dict) else None
    if not isinstance(value, dict) or version != 1:
        newer = isinstance(version, int) and version > 1
        return [DeadLetter(NEWER if newer else MOVED_BY_QUEUE, body=message)]
    try:
        return [_read(value)]
    except (KeyError, TypeError, ValueError, zlib.error):
        return [DeadLetter(MOVED_BY_QUEUE, body=message)]


def _read(value: dict[str, Any]) -> DeadLetter:
    event, body = value.get("event"), value.get("body")
    if "event_gzip" in value:
        event = jsontext.loads(_gunzip(value["event_gzip"]), max_bytes=_READ_LIMIT)
    elif "body_gzip" in value:
        body = _gunzip(value["body_gzip"])
    elif "body_base64" in value:
        body = b64decode(value["body_base64"], validate=True)
    texts = (value["reason"], *(value.get(name) for name in _OPTIONAL))
    kinds = ((event, dict), (body, (str, bytes)), *((text, str) for text in texts))
    if value["reason"] is None or any(
        given is not None and not isinstance(given, kind) for given, kind in kinds
    ):
        raise TypeError("a field of a dead letter is of another kind")
    rest = {name: value.get(name) for name in _OPTIONAL}
    return DeadLetter(value["reason"], event=event, body=body, **rest)


def _body(body: str | bytes) -> tuple[bytes, dict[str, Any]]:
    if isinstance(body, str):
        return body.encode("utf-8", "surrogatepass"), {"body": body}
    try:
        return body, {"body": body.decode("utf-8")}
    except UnicodeDecodeError:
        return body, {"body_base64": b64encode(body).decode()}


def _gzip(data: bytes) -> bytes:
    packer = zlib.compressobj(6, wbits=31)
    return packer.compress(data) + packer.flush()


def _gunzip(text: str) -> bytes:
    return zlib.decompress(b64decode(text, validate=True), wbits=31)
