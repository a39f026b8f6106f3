"""What goes wrong on the way from a sensor to a broker, injected by share of messages, one fault each."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from simulator.payloads import Reading

LATE_S = 3600.0
"""By how much the times of late readings lie in the past."""
WRONG_CLOCK_S = 40 * 366 * 86_400.0
"""By how much a wrong clock is off, in either direction."""
OVERSIZED_BYTES = 520_000
"""More than `twin_runtime.events.payload.MAX_PAYLOAD_BYTES`. AWS (128 KiB) and Azure (256 KiB) take even
less."""


class Fault(StrEnum):
    """A fault, by its name in reports and records."""

    DUPLICATE = "duplicate"
    """The message is sent twice."""
    LATE = "late"
    """The readings are an hour old."""
    WRONG_CLOCK = "wrong_clock"
    """The device's clock is decades off."""
    OUT_OF_ORDER = "out_of_order"
    """The message is sent after the device's next one."""
    MALFORMED = "malformed"
    """The message is no JSON, or no reading."""
    OVERSIZED = "oversized"
    """The message is larger than a twin takes."""
    SPOOFED = "spoofed"
    """The message is sent under another device's name, with the sender's own credentials."""

    @property
    def refused(self) -> bool:
        """Whether such a message must never reach the store."""
        return self in (Fault.MALFORMED, Fault.OVERSIZED, Fault.SPOOFED)


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it is sent, by `sender` under the name `device`."""

    sender: str
    device: str
    readings: tuple[Reading, ...]
    body: bytes
    fault: Fault | None = None


class Injector:
    """Turns the readings of one device into messages, with faults.

    `shares` gives the share of messages per fault; they add up to 1 at most. `others` are the devices whose
    names can be taken. The same `seed` gives the same faults.
    """

    def __init__(
        self, device: str, *, seed: int, shares: Mapping[Fault, float], others: Sequence[str] = ()
    ) -> None:
        self._device = device
        self._random = random.Random(f"{seed}/{device}/faults")  # noqa: S311 - repeatable on purpose
        self._shares = dict(shares)
        self._others = [other for other in others if other != device]
        self._held: Message | None = None

    def messages(self, readings: Sequence[Reading]) -> Iterator[Message]:
        """What to send for these readings now: none while they are held back, else one or more."""
        fault = self._draw()
        message = self._message(readings, fault)
        held = self._held
        if fault is Fault.OUT_OF_ORDER and held is None:
            self._held = message
            return
        self._held = None
        yield message
        if fault is Fault.DUPLICATE:
            yield Message(message.sender, message.device, message.readings, message.body, fault)
        if held is not None:
            yield held

    def rest(self) -> Iterator[Message]:
        """What is still held back, at the end."""
        held, self._held = self._held, None
        if held is not None:
            yield held

    def _draw(self) -> Fault | None:
        drawn = self._random.random()
        for fault, share in self._shares.items():
            drawn -= share
            if drawn < 0:
                return fault
        return None

    def _message(self, readings: Sequence[Reading], fault: Fault | None) -> Message:
        if fault is Fault.LATE:
            readings = [reading.earlier(LATE_S) for reading in readings]
        elif fault is Fault.WRONG_CLOCK:
            off = self._random.choice((WRONG_CLOCK_S, -WRONG_CLOCK_S))
            readings = [reading.earlier(off) for reading in readings]
        body, device = encode(readings), self._device
        if fault is Fault.MALFORMED:
            body = self._random.choice((body[: len(body) // 2], b"\xff\xfe" + body, b"42"))
        elif fault is Fault.OVERSIZED:
            # Padded between its tokens: JSON still, and right but for the size.
            body = body[:1] + b" " * (OVERSIZED_BYTES - len(body)) + body[1:]
        elif fault is Fault.SPOOFED:
            device = self._random.choice(self._others)
        # The first of two that are the same is as it should be.
        marked = None if fault is Fault.DUPLICATE else fault
        return Message(self._device, device, tuple(readings), body, marked)


def encode(readings: Sequence[Reading]) -> bytes:
    """One reading as an object, several as an array."""
    documents = [reading.document() for reading in readings]
    document = documents[0] if len(documents) == 1 else documents
    return json.dumps(document, separators=(",", ":")).encode()
