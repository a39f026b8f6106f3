"""What tests of several roles share: a sender that answers as told, and a log with dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from support.memory import MemoryQueue
from support.samples import TWIN, log
from twin_runtime import model
from twin_runtime.delivery.dead_letters import DeadLetter, DeadLetters, decode
from twin_runtime.ports import Event
from twin_runtime.wire.sender import DELIVERED, Outcome


class FakeSender:
    """Answers for each event by its id; `calls` holds the ids of each call."""

    def __init__(self, **outcomes: Outcome) -> None:
        self.outcomes = outcomes
        self.calls: list[list[str]] = []

    def deliver(
        self, events: Sequence[Event], *, deadline: float, texts: Sequence[str | None] = ()
    ) -> list[Outcome]:
        self.calls.append([each["id"] for each in events])
        return [self.outcomes.get(each["id"], DELIVERED) for each in events]


class Bench:
    def __init__(self, role: str = "role") -> None:
        self.dead = MemoryQueue()
        self.logger, self.lines = log(role)
        self.letters_port = DeadLetters(self.dead, self.logger)

    def shared(self, twin: model.Twin = TWIN) -> dict[str, Any]:
        return {"twin": twin, "dead": self.letters_port, "log": self.logger}

    def letters(self) -> list[DeadLetter]:
        return [letter for body in self.dead.bodies for letter in decode(body)]
