"""Resend the content of letters: prepare and check each, then send many at a time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from operations.dead_letters.letters import Letter
from operations.dead_letters.locations import Location
from operations.printing import counted
from operations.reach import Reach
from twin_runtime import jsontext
from twin_runtime.delivery.batching import Outbox
from twin_runtime.delivery.consumer import MAX_MESSAGE_BYTES, MAX_MESSAGE_EVENTS
from twin_runtime.delivery.dead_letters import DeadLetter, DeadLetters
from twin_runtime.errors import Refused, Retry
from twin_runtime.events import cloudevents
from twin_runtime.functions.dispatcher import Dispatcher
from twin_runtime.functions.event_feedback import Commands
from twin_runtime.log import Log
from twin_runtime.model import Twin
from twin_runtime.ports import Event, Queue
from twin_runtime.storage.lifetimes import HotRows

_REVOKED = "The device is revoked."


class Unsendable(Exception):
    """A letter cannot be resent; the text is the sentence that says why."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A letter's content, ready to be sent: events, or whole messages of the queue.

    `left` is the reason why the letter is kept although a part of its content is sent.
    """

    events: Sequence[Event] = ()
    bodies: Sequence[str] = ()
    left: str | None = None


class Target(Protocol):
    def prepare(self, letter: Letter) -> Prepared:
        """Parse the letter as the hop would; raises `Unsendable`. Sends nothing."""
        ...

    def send(self, prepared: Sequence[Prepared]) -> dict[int, str]:
        """Return the reasons of those that were not stored, by position; the others are durable.

        Raises `Retry` if the outcome is unknown.
        """
        ...


class EventsTarget:
    """Sends events of one type with `send`, which returns the reasons of those not stored, by position."""

    def __init__(self, twin: Twin, kind: str, send: Callable[[Sequence[Event]], Mapping[int, str]]) -> None:
        self._twin = twin
        self._kind = kind
        self._send = send

    def prepare(self, letter: Letter) -> Prepared:
        return Prepared(events=events_of(letter, self._twin, self._kind))

    def send(self, prepared: Sequence[Prepared]) -> dict[int, str]:
        owners = [position for position, each in enumerate(prepared) for _ in each.events]
        refused = self._send([event for each in prepared for event in each.events])
        return {owners[position]: reason for position, reason in refused.items()}


class DispatcherTarget:
    """The dispatcher's code in front of the `processing` queue, so that readings get the same ids."""

    def __init__(self, queue: Queue, twin: Twin) -> None:
        self._queue = queue
        self._twin = twin

    def prepare(self, letter: Letter) -> Prepared:
        if letter.message is None:
            events = events_of(letter, self._twin, cloudevents.TELEMETRY)
            return Prepared(bodies=[cloudevents.encode_batch([event]) for event in events])
        if letter.message.problem is not None:
            raise Unsendable(letter.message.problem)
        if letter.message.device is None:
            raise Unsendable(f"The sender was not authenticated as a device: {letter.reason}")
        if letter.message.device in self._twin.revoked:
            raise Unsendable(_REVOKED)
        made, refused = _Made(self._queue), _Refusals()
        log = Log("dispatcher", lambda _level, _line: None)
        Dispatcher(twin=self._twin, queue=made, dead=refused, log=log).handle([letter.message])
        if not refused.letters:
            return Prepared(bodies=made.bodies)
        first = refused.letters[0].reason
        if not made.bodies:
            raise Unsendable(first)
        return Prepared(
            bodies=made.bodies, left=f"{counted(len(refused.letters), 'reading')} cannot be sent: {first}"
        )

    def send(self, prepared: Sequence[Prepared]) -> dict[int, str]:
        self._queue.send([body for each in prepared for body in each.bodies])
        return {}


def connect(location: Location, reach: Reach, twin: Twin) -> Target:
    """Return the input of a location's hop."""
    if location.kind == "dispatcher":
        return DispatcherTarget(reach.queue(location.target), twin)
    if location.kind == "store":
        store = HotRows(reach.store(location.target), twin, Log("dead-letters", lambda *_: None), time.time)
        return EventsTarget(twin, cloudevents.TELEMETRY, lambda events: _stored(store, events))
    if location.kind == "devices":
        commands = Commands(reach.broker(location.target), twin)
        return EventsTarget(twin, cloudevents.COMMAND, lambda events: _published(commands, events))
    queue = reach.queue(location.target)
    if location.hop == "commands":  # each one a message, as from the event checker
        return EventsTarget(twin, cloudevents.COMMAND, Outbox(queue, max_events=1).send)
    return EventsTarget(twin, cloudevents.TELEMETRY, Outbox(queue).send)


def _stored(store: HotRows, events: Sequence[Event]) -> dict[int, str]:
    return {position: missed.reason for position, missed in store.write(events).items()}


def _published(commands: Commands, events: Sequence[Event]) -> dict[int, str]:
    """Send commands as event_feedback does: one that has expired, or that no rule makes, is kept."""
    refused: dict[int, str] = {}
    for position, event in enumerate(events):
        try:
            commands.send(event)
        except (Refused, Retry) as error:
            refused[position] = error.reason
    return refused


def events_of(letter: Letter, twin: Twin, kind: str) -> list[Event]:
    """Return the events of a letter, checked as the hop does; raises `Unsendable`."""
    try:
        if letter.event is not None:
            return [cloudevents.check(letter.event, twin, kind)]
        items = cloudevents.decode_batch(
            letter.content.body or "", max_bytes=MAX_MESSAGE_BYTES, max_events=MAX_MESSAGE_EVENTS
        )
        if not items:
            raise Unsendable("The letter contains no event.")
        return [cloudevents.check(item, twin, kind) for item, _ in items]
    except jsontext.Malformed as error:
        raise Unsendable(f"The body cannot be parsed: {error}") from None
    except cloudevents.Invalid as error:
        raise Unsendable(str(error)) from None


class _Made:
    """`Queue` that collects the bodies."""

    def __init__(self, queue: Queue) -> None:
        self.max_body_bytes = queue.max_body_bytes
        self.batch_bytes = queue.batch_bytes
        self.bodies: list[str] = []

    def send(self, bodies: Sequence[str], *, deadline: float = math.inf) -> None:
        self.bodies += bodies


class _Refusals(DeadLetters):
    """`DeadLetters` that collects what the dispatcher refuses; the existing letter is kept for it."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []

    def put(self, letters: Sequence[DeadLetter], *, deadline: float = math.inf) -> None:
        self.letters += letters
