"""dispatcher: from the broker's messages to events in the `processing` queue."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence

from twin_runtime.context import Context
from twin_runtime.delivery.batching import Outbox
from twin_runtime.delivery.dead_letters import DeadLetter, DeadLetters
from twin_runtime.events import payload
from twin_runtime.log import Log
from twin_runtime.model import Twin
from twin_runtime.ports import BrokerMessage, Event, Queue


class Dispatcher:
    """Thread-safe."""

    def __init__(
        self,
        *,
        twin: Twin,
        queue: Queue,
        dead: DeadLetters,
        log: Log,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._twin = twin
        self._outbox = Outbox(queue)
        self._dead = dead
        self._log = log
        self._clock = clock

    def handle(self, messages: Sequence[BrokerMessage]) -> None:
        """Return when every reading is in the queue or in the dead letters; raises what the queue raises.

        The broker then delivers all of `messages` again, and the readings get the same ids as before.
        Messages of revoked devices are dropped, and counted in the log.
        """
        events: list[Event] = []
        letters: list[DeadLetter] = []
        dropped: Counter[str] = Counter()
        for message in messages:
            if message.device in self._twin.revoked:
                # No dead letter: whoever has the device's key could fill the queue with them.
                dropped[str(message.device)] += 1
            else:
                self._sort(message, events, letters)
        for position, reason in self._outbox.send(events).items():
            letters.append(DeadLetter(reason, event=events[position]))
        self._dead.put(letters)
        for device, count in dropped.items():
            self._log.warning("revoked", device=device, messages=count)
        self._log.info(
            "dispatched",
            messages=len(messages),
            events=len(events),
            refused=len(letters),
            revoked=dropped.total(),
            traceparent=events[0]["traceparent"] if events else None,
        )

    def _sort(self, message: BrokerMessage, events: list[Event], letters: list[DeadLetter]) -> None:
        problem = message.problem
        if problem is None and message.device is None:
            problem = "The broker did not say which device sent it."
        elif problem is None and message.device not in self._twin.devices:
            problem = "The device is not known to this twin."
        if problem is not None or message.device is None:
            letters.append(_letter(message, problem or "", message.body))
            return
        for reading in payload.read(message, message.device, self._twin, self._clock()):
            if isinstance(reading, payload.Unreadable):
                letters.append(_letter(message, reading.reason, reading.reading))
            else:
                events.append(reading)


def _letter(message: BrokerMessage, reason: str, body: str | bytes) -> DeadLetter:
    # A resend trusts the letter's device: one that was not authenticated is not named.
    device = message.device if message.problem is None else None
    return DeadLetter(reason, body=body, device=device, received=message.received)


def assemble(context: Context) -> Dispatcher:
    queue = context.cloud.queue(context.settings["PROCESSING_QUEUE"])
    return Dispatcher(twin=context.twin, queue=queue, dead=context.dead_letters(), log=context.log)
