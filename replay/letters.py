"""One dead letter as a replay sees it, and the choice of some."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from replay.places import Place
from twin_runtime.delivery.dead_letters import DeadLetter
from twin_runtime.ports import BrokerMessage, Event


@dataclass(frozen=True, slots=True)
class Received:
    """A message of a dead-letter place, leased to this run. It holds one letter or several.

    `at` is when it came in, in Unix seconds. `handle` is the source's own. `reads` counts how often it was
    handed out, listings included; None where the service does not tell.
    """

    id: str
    body: bytes
    at: float
    handle: Any
    attributes: dict[str, str]
    reads: int | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """What one hop gave up on.

    `at` is when it did, in Unix seconds. `content` is the runtime's form of it, `message` what the broker
    handed over, where it never got beyond the dispatcher. `raw` is the letter's own JSON in a message of
    several. `device` is what the letter names, known to the twin or not.
    """

    place: Place
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
    """Which letters are meant; what is None excludes nothing. `since` and `until` are Unix seconds."""

    device: str | None = None
    reason: str | None = None
    since: float | None = None
    until: float | None = None

    def takes(self, letter: Letter) -> bool:
        """Whether the letter is one of them: since <= its time < until; `reason` is a part of its reason."""
        return (
            (self.device is None or letter.device == self.device)
            and (self.reason is None or self.reason.lower() in letter.reason.lower())
            and (self.since is None or letter.at >= self.since)
            and (self.until is None or letter.at < self.until)
        )
