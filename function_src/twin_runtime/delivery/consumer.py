"""What every queue-triggered role does: opens messages, works on their events, and says which messages must
come again.

A message is answered for as a whole, its events one by one: one that is refused goes to the dead letters, and
the message is done; one that failed for now brings the message back. Dead letters of a message that comes
back are put when it is done, so that they are put once. On the last delivery (`ports.MAX_DELIVERIES`) what
still fails is dead-lettered with the reason. So is an event of a newer version: until then, the function of
the newer release may get it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

from twin_runtime import jsontext
from twin_runtime.deadlines import Budget, Deadline
from twin_runtime.delivery import dead_letters
from twin_runtime.delivery.dead_letters import DeadLetter, DeadLetters
from twin_runtime.errors import Retry
from twin_runtime.events import cloudevents
from twin_runtime.log import Log, failure
from twin_runtime.model import Twin
from twin_runtime.ports import MAX_DELIVERIES, Event, Message

_SECONDS_PER_LETTER = 0.005
MAX_MESSAGE_BYTES = 1_000_000
"""Of a message that is read. Those that are sent today have `ports.MAX_BATCH_BYTES`."""
MAX_MESSAGE_EVENTS = 20_000


class Work:
    """One message in hand: its checked events and, by position, their JSON as it came. Where the role does
    not read data, an event's may be in its JSON alone.
    """

    __slots__ = ("events", "failed", "gone", "letters", "message", "newer", "texts", "unread")

    def __init__(self, message: Message) -> None:
        self.message = message
        self.events: list[Event] = []
        self.texts: list[str] = []
        self.failed: list[tuple[Event, str]] = []
        self.letters: list[DeadLetter] = []
        self.unread = self.newer = 0
        self.gone: list[Event] = []

    def fail(self, reason: str, event: Event | None = None) -> None:
        """Not done now: one event, or all of the message."""
        self.failed += [(event, reason)] if event is not None else [(each, reason) for each in self.events]

    def refuse(self, reason: str, event: Event, detail: str | None = None) -> None:
        """Never to be done."""
        texts = (text for each, text in zip(self.events, self.texts, strict=True) if each is event)
        text = "" if "data" in event else next(texts, "")
        self.letters.append(dead_letters.of_item(reason, event, text)._replace(detail=detail))
        self.gone.append(event)

    def drop(self, event: Event) -> None:
        """Never to be done, and in the dead letters of another role."""
        self.gone.append(event)

    def undone(self) -> set[int]:
        """The `id()` of each event that is not done."""
        return {id(event) for event in (*self.gone, *(event for event, _ in self.failed))}

    def restart(self, reason: str) -> None:
        """Fail the whole message, whatever was noted on it since it was opened."""
        del self.letters[self.unread :], self.failed[self.newer :]
        self.gone.clear()
        self.fail(reason)


class Consumer(ABC):
    """A queue-triggered role. Thread-safe as long as its `work` is."""

    kind = cloudevents.TELEMETRY
    reads_data = True
    """Whether its events have their data; else they may have it in their texts alone."""

    def __init__(
        self, *, twin: Twin, dead: DeadLetters, log: Log, max_deliveries: int = MAX_DELIVERIES
    ) -> None:
        self.twin = twin
        self.log = log
        self._dead = dead
        self._max_deliveries = max_deliveries

    @abstractmethod
    def work(self, works: Sequence[Work], deadline: Deadline) -> None:
        """Do the events of these messages; note on each what failed or is refused. Raising fails all.

        Nothing new is begun after `deadline` (see `deadlines.over`), and nothing more is handed on after
        `deadline.hand_over`.
        """

    def handle(
        self,
        messages: Sequence[Message],
        *,
        budget: float = math.inf,
        hand_over: float = math.inf,
        letters: float = math.inf,
    ) -> list[str]:
        """The ids of the messages that must be delivered again; never raises. The times are those of
        `deadlines.Budget`.
        """
        until = Budget(budget, hand_over, letters).deadline()
        works = [self._open(message) for message in messages]
        # After an outage all of a batch is on its last delivery: its dead letters take time as well.
        last = sum(len(work.events) for work in works if self._is_last(work))
        early = min(budget / 2, last * _SECONDS_PER_LETTER)
        deadline = Deadline(until - early, until.hand_over - early, until.letters)
        live = [work for work in works if work.events]
        try:
            if live:
                self.work(live, deadline)
        except Exception as error:
            reason = (
                error.reason
                if isinstance(error, Retry)
                else f"Unexpected {failure(error)} in {self.log.role}."
            )
            self.log.error("failed", reason=reason)
            for work in live:
                work.restart(reason)
        for work in works:
            self._give_up(work)
        again = self._put_letters(works, until.letters)
        self._report(works, again)
        return [work.message.id for work in works if work in again]

    def _open(self, message: Message) -> Work:
        work = Work(message)
        if not self.reads_data and (
            heads := cloudevents.read_heads(
                message.body, self.twin, max_bytes=MAX_MESSAGE_BYTES, max_events=MAX_MESSAGE_EVENTS
            )
        ):
            work.events, work.texts = map(list, zip(*heads, strict=True))
            return work
        try:
            items = cloudevents.read_batch(
                message.body,
                self.twin,
                self.kind,
                max_bytes=MAX_MESSAGE_BYTES,
                max_events=MAX_MESSAGE_EVENTS,
            )
        except jsontext.Malformed as error:
            work.letters.append(DeadLetter(str(error), body=message.body))
            return work
        for item, text, problem in items:
            if problem is None:
                work.events.append(item)
                work.texts.append(text)
            elif isinstance(problem, cloudevents.Newer):
                work.fail(str(problem), dead_letters.whole(item, text))  # its text is kept nowhere else
            else:
                work.letters.append(dead_letters.of_item(str(problem), item, text))
        work.unread, work.newer = len(work.letters), len(work.failed)
        return work

    def _give_up(self, work: Work) -> None:
        if work.failed and self._is_last(work):
            for event, reason in work.failed:
                work.refuse(reason, event)
            work.failed.clear()

    def _is_last(self, work: Work) -> bool:
        return (work.message.attempt or 0) >= self._max_deliveries

    def _put_letters(self, works: Sequence[Work], until: float) -> list[Work]:
        """Put the dead letters of the messages that are done; returns the messages that must come again."""
        done = [work for work in works if work.letters and not work.failed]
        again = [work for work in works if work.failed]
        try:
            self._dead.put([letter for work in done for letter in work.letters], deadline=until)
        except Exception as error:
            self.log.error("dead_letters_not_put", reason=failure(error))
            again += done
        return again

    def _report(self, works: Sequence[Work], again: Sequence[Work]) -> None:
        reasons = [work.failed[0][1] for work in again if work.failed]
        first = next((work.events[0] for work in works if work.events), None)
        write = self.log.warning if again else self.log.info
        write(
            "handled",
            messages=len(works),
            events=sum(len(work.events) for work in works),
            failed=len(again),
            refused=sum(len(work.letters) for work in works),
            reason=reasons[0] if reasons else None,
            traceparent=first["traceparent"] if first else None,
        )
