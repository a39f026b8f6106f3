"""A dead letter, and the selection of some."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from operations.dead_letters.locations import Location
from twin_runtime.delivery.dead_letters import DeadLetter
from twin_runtime.ports import BrokerMessage, Event


@dataclass(frozen=True, slots=True)
class Received:
    """A message with one dead letter or several, leased to this run.

    `at` is the Unix time at which the message arrived. `handle` belongs to the source. `reads` counts the
    deliveries of the message, those to listings included; None where the service does not count.
    """

    id: str
    body: bytes
    at: float
    handle: Any
    attributes: dict[str, str]
    reads: int | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """What one hop could not process.

    `at` is the Unix time at which the hop gave up. `content` is the runtime's form. `message` is the broker's
    message, if the dispatcher did not process it. `raw` is the letter's JSON in a message of several.
    `device` is the device that the letter names, known to the twin or not.
    """

    location: Location
    at: float
    content: DeadLetter
    message: BrokerMessage | None = None
    raw: Any = None
    reads: int | None = None

    @property
    def reason(self) -> str:
        return self.content.reason

    @property
    def event(self) -> Event | None:
        return self.content.event

    @property
    def event_id(self) -> str | None:
        id = self.event.get("id") if self.event else None
        return id if isinstance(id, str) else None

    @property
    def device(self) -> str | None:
        if self.message is not None and self.message.device is not None:
            return self.message.device
        source = self.event.get("source") if self.event else None
        if isinstance(source, str) and "/devices/" in source:
            return source.partition("/devices/")[2]
        return self.content.device


@dataclass(frozen=True, slots=True)
class Selection:
    """Conditions on letters; None excludes nothing. `since` and `until` are Unix times."""

    device: str | None = None
    reason: str | None = None
    since: float | None = None
    until: float | None = None

    def includes(self, letter: Letter) -> bool:
        """Return whether since <= the letter's time < until, its reason contains `reason`, and so on."""
        return (
            (self.device is None or letter.device == self.device)
            and (self.reason is None or self.reason.lower() in letter.reason.lower())
            and (self.since is None or letter.at >= self.since)
            and (self.until is None or letter.at < self.until)
        )
