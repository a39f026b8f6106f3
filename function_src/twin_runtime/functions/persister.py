"""persister: stores events, by SDK or over a remote link, then shows them to the event checker."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from twin_runtime.context import Context
from twin_runtime.deadlines import NO_TIME, Deadline, over
from twin_runtime.delivery.batching import Outbox
from twin_runtime.delivery.consumer import Consumer, Work
from twin_runtime.delivery.dead_letters import DeadLetters
from twin_runtime.errors import ConfigurationError, Retry
from twin_runtime.functions.connector import deliver
from twin_runtime.log import Log, reason_of
from twin_runtime.model import Twin
from twin_runtime.ports import MAX_DELIVERIES, Event, Queue, Store
from twin_runtime.storage.lifetimes import HotRows

if TYPE_CHECKING:
    # Loads an HTTP client: for the remote variant alone.
    from twin_runtime.wire.sender import Sender


ROWS_AT_ONCE = 250
"""Rows that are stored before the clock is looked at again."""


class Persister(Consumer):
    """`store` or `sender`, exactly one; `events` is None where the event system is off.

    An event is shown to the event checker after it is stored, so a rule never fires on what cannot be read.
    """

    reads_data = False

    def __init__(
        self,
        *,
        twin: Twin,
        dead: DeadLetters,
        log: Log,
        store: Store | None = None,
        sender: Sender | None = None,
        events: Queue | None = None,
        max_deliveries: int = MAX_DELIVERIES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(twin=twin, dead=dead, log=log, max_deliveries=max_deliveries)
        if (store is None) == (sender is None):
            raise ConfigurationError("The persister needs a store or a sender, and not both.")
        self._rows = None if store is None else HotRows(store, twin, log, clock)
        self._sender = sender
        self._events = Outbox(events) if events is not None else None

    def work(self, works: Sequence[Work], deadline: Deadline) -> None:
        if self._sender is not None:
            deliver(self._sender, works, deadline)
        elif self._rows is not None:
            self._put(self._rows, works, deadline)
        if self._events is not None:
            self._show(self._events, works, deadline.hand_over)

    def _put(self, hot: HotRows, works: Sequence[Work], deadline: float) -> None:
        owners = [(work, event) for work in works for event in work.events]
        texts = [text for work in works for text in work.texts]
        for start in range(0, len(owners), ROWS_AT_ONCE):
            end = start + ROWS_AT_ONCE
            try:
                if over(deadline):
                    raise Retry(NO_TIME)
                self._put_some(hot, owners[start:end], texts[start:end], deadline)
            except Retry as error:
                # A store that takes nothing now will hardly take the rest.
                for work, event in owners[start:]:
                    work.fail(error.reason, event)
                return

    def _put_some(
        self, hot: HotRows, owners: Sequence[tuple[Work, Event]], texts: Sequence[str], deadline: float
    ) -> None:
        for position, missed in hot.write([event for _, event in owners], texts, deadline=deadline).items():
            work, event = owners[position]
            if missed.permanent:
                work.refuse(missed.reason, event)
            else:
                work.fail(missed.reason, event)

    def _show(self, events: Outbox, works: Sequence[Work], until: float) -> None:
        owners: list[tuple[Work, Event]] = []
        texts: list[str] = []
        for work in works:
            undone = work.undone()
            for event, text in zip(work.events, work.texts, strict=True):
                if id(event) not in undone:
                    owners.append((work, event))
                    texts.append(text)
        try:
            refused = events.send_texts(texts, deadline=until)
        except Exception as error:
            reason = reason_of(error, "The queue")
            for work, event in owners:
                work.fail(reason, event)
            return
        for position, reason in refused.items():
            work, event = owners[position]
            work.refuse(reason, event)


def assemble(context: Context) -> Persister:
    store = sender = events = None
    if context.settings.remote:
        from twin_runtime.wire.sender import Sender

        sender = Sender(context.secret("LINK_SECRET"), log=context.log)
    else:
        store = context.cloud.store(context.settings["STORE"])
    if context.settings["EVENTS_QUEUE"]:
        events = context.cloud.queue(context.settings["EVENTS_QUEUE"])
    return Persister(
        twin=context.twin,
        store=store,
        sender=sender,
        events=events,
        dead=context.dead_letters(),
        log=context.log,
    )
