"""Where a letter's content goes again: prepared and checked first, then sent, many at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from replay.errors import Stays
from replay.letters import Letter
from twin_runtime import jsontext
from twin_runtime.delivery.batching import Outbox
from twin_runtime.delivery.consumer import MAX_MESSAGE_BYTES, MAX_MESSAGE_EVENTS
from twin_runtime.delivery.dead_letters import DeadLetter, DeadLetters
from twin_runtime.errors import Refused, Retry
from twin_runtime.events import cloudevents
from twin_runtime.functions.dispatcher import Dispatcher
from twin_runtime.log import Log
from twin_runtime.model import Twin
from twin_runtime.ports import Broker, Event, Queue, Store
from twin_runtime.storage.lifetimes import HotRows


@dataclass(frozen=True, slots=True)
class Prepared:
    """A letter's content, ready to be sent: events, or whole messages of the queue.

    `left` says why the letter stays all the same, where only a part of it can be sent.
    """

    events: Sequence[Event] = ()
    bodies: Sequence[str] = ()
    left: str | None = None


class Target(Protocol):
    def prepare(self, letter: Letter) -> Prepared:
        """Read the letter as the hop would; raises `Stays`. Sends nothing."""
        ...

    def send(self, prepared: Sequence[Prepared]) -> dict[int, str]:
        """All are durable but those returned, by position, with why they are not. Raises `Retry` when that is
        not known of any.
        """
        ...


class QueueTarget:
    """A queue of events. A command is a message of its own, as the event checker sends it."""

    def __init__(self, queue: Queue, twin: Twin, kind: str) -> None:
        self._outbox = Outbox(queue, max_events=1) if kind == cloudevents.COMMAND else Outbox(queue)
        self._twin = twin
        self._kind = kind

    def prepare(self, letter: Letter) -> Prepared:
        return Prepared(events=events_of(letter, self._twin, self._kind))

    def send(self, prepared: Sequence[Prepared]) -> dict[int, str]:
        owners = [position for position, each in enumerate(prepared) for _ in each.events]
        refused = self._outbox.send([event for each in prepared for event in each.events])
        return {owners[position]: reason for position, reason in refused.items()}


class DispatcherTarget:
    """The dispatcher's own code in front of the `processing` queue: readings get the ids that they would have
    had.
    """

    def __init__(self, queue: Queue, twin: Twin) -> None:
        self._queue = queue
        self._twin = twin

    def prepare(self, letter: Letter) -> Prepared:
        if letter.message is None:
            events = events_of(letter, self._twin, cloudevents.TELEMETRY)
            return Prepared(bodies=[cloudevents.encode_batch([event]) for event in events])
        if letter.content.truncated:
            raise Stays("It was too long for the dead letters and is not whole.")
        if letter.message.problem is not None:
            raise Stays(letter.message.problem)
        if letter.message.device is None:
            raise Stays(f"No device is authenticated as its sender: {letter.reason}")
        made, refused = _Made(self._queue.max_body_bytes), _Refusals()
        log = Log("dispatcher", lambda _level, _line: None)
        Dispatcher(twin=self._twin, queue=made, dead=refused, log=log).handle([letter.message])
        if not refused.letters:
            return Prepared(bodies=made.bodies)
        first = refused.letters[0].reason
        if not made.bodies:
            raise Stays(first)
        return Prepared(
            bodies=made.bodies, left=f"Of its readings {len(refused.letters)} are refused: {first}"
        )

    def send(self, prepared: Sequence[Prepared]) -> dict[int, str]:
        self._queue.send([body for each in prepared for body in each.bodies])
        return {}


class StoreTarget:
    """The hot store, written as the writer does."""

    def __init__(self, store: Store, twin: Twin, clock: Callable[[], float] = time.time) -> None:
        self._twin = twin
        self._rows = HotRows(store, twin, Log("replay", lambda _level, _line: None), clock)

    def prepare(self, letter: Letter) -> Prepared:
        return Prepared(events=events_of(letter, self._twin, cloudevents.TELEMETRY))

    def send(self, prepared: Sequence[Prepared]) -> dict[int, str]:
        owners = [position for position, each in enumerate(prepared) for _ in each.events]
        lost = self._rows.write([event for each in prepared for event in each.events])
        return {owners[position]: missed.reason for position, missed in lost.items()}


class DevicesTarget:
    """The way to the devices, where commands come from another cloud and no queue stands before it."""

    def __init__(self, broker: Broker, twin: Twin) -> None:
        self._broker = broker
        self._twin = twin

    def prepare(self, letter: Letter) -> Prepared:
        return Prepared(events=events_of(letter, self._twin, cloudevents.COMMAND))

    def send(self, prepared: Sequence[Prepared]) -> dict[int, str]:
        stays: dict[int, str] = {}
        for position, each in enumerate(prepared):
            try:
                for event in each.events:
                    self._broker.send(cloudevents.device_of(event, self._twin), event)
            except (Refused, Retry) as error:
                stays[position] = error.reason
        return stays


def events_of(letter: Letter, twin: Twin, kind: str) -> list[Event]:
    """The events of a letter, each as the hop would take it; raises `Stays`."""
    if letter.content.truncated:
        raise Stays("It was too long for the dead letters and is not whole.")
    try:
        if letter.event is not None:
            return [cloudevents.check(letter.event, twin, kind)]
        items = cloudevents.decode_batch(
            letter.content.body or "", max_bytes=MAX_MESSAGE_BYTES, max_events=MAX_MESSAGE_EVENTS
        )
        if not items:
            raise Stays("It holds no event.")
        return [cloudevents.check(item, twin, kind) for item, _ in items]
    except jsontext.Malformed as error:
        raise Stays(f"Its body is not understood: {error}") from None
    except cloudevents.Invalid as error:
        raise Stays(str(error)) from None


class _Made:
    """A queue that keeps what is put into it."""

    def __init__(self, max_body_bytes: int) -> None:
        self.max_body_bytes = max_body_bytes
        self.bodies: list[str] = []

    def send(self, bodies: Sequence[str]) -> None:
        self.bodies += bodies


class _Refusals(DeadLetters):
    """What the dispatcher refuses again: the letter that is there already says it."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []

    def put(self, letters: Sequence[DeadLetter]) -> None:
        self.letters += letters
