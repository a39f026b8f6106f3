"""dispatcher: from the broker's messages to events in the `processing` queue."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence

from twin_runtime import jsontext, times
from twin_runtime.context import Context
from twin_runtime.deadlines import UNBOUNDED, Budget
from twin_runtime.delivery.batching import Outbox
from twin_runtime.delivery.dead_letters import DeadLetter, DeadLetters
from twin_runtime.events import cloudevents, payload
from twin_runtime.events.rates import Rates
from twin_runtime.log import Log
from twin_runtime.model import Twin
from twin_runtime.ports import BrokerMessage, Queue


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
        self._rates = Rates()

    def handle(self, messages: Sequence[BrokerMessage], *, budget: Budget = UNBOUNDED) -> None:
        """Return when every reading is in the queue or in the dead letters; raises what the queue raises.

        The broker then delivers all of `messages` again, and the readings get the same ids as before.
        Messages of revoked devices are dropped, and so are readings beyond the rate of a device's type; both
        are counted in the log.
        """
        deadline = budget.deadline()
        events: list[str] = []
        letters: list[DeadLetter] = []
        dropped: Counter[str] = Counter()
        beyond: Counter[str] = Counter()
        for message in messages:
            if message.device in self._twin.revoked:
                # No dead letter: whoever has the device's key could fill the queue with them.
                dropped[str(message.device)] += 1
            else:
                self._sort(message, events, letters, beyond)
        for position, reason in self._outbox.send_texts(events, deadline=deadline.hand_over).items():
            event = jsontext.loads(events[position], max_bytes=len(events[position]))
            letters.append(DeadLetter(reason, event=event))
        self._dead.put(letters, deadline=deadline.letters)
        for device, count in dropped.items():
            self._log.warning("revoked", device=device, messages=count)
        for device, count in beyond.items():
            self._log.tally("over_rate", count=count, device=device)
        self._log.info(
            "dispatched",
            messages=len(messages),
            events=len(events),
            refused=len(letters),
            revoked=dropped.total(),
            over_rate=beyond.total(),
            traceparent=cloudevents.traceparent_of(events[0]) if events else None,
        )

    def _sort(
        self, message: BrokerMessage, events: list[str], letters: list[DeadLetter], beyond: Counter[str]
    ) -> None:
        problem = message.problem
        if problem is None and message.device is None:
            problem = "The broker did not say which device sent it."
        elif problem is None and message.device not in self._twin.devices:
            problem = "The device is not known to this twin."
        if problem is not None or message.device is None:
            letters.append(_letter(message, problem or "", message.body))
            return
        now = self._clock()
        readings = payload.read(message, message.device, self._twin, now)
        rate = self._twin.device_types[self._twin.devices[message.device]].rate
        # Those that are refused too: each is a dead letter.
        taken = self._rates.take(message.device, len(readings), rate, _received(message, now))
        if taken < len(readings):
            beyond[message.device] += len(readings) - taken
        for reading in readings[:taken]:
            if isinstance(reading, payload.Unreadable):
                letters.append(_letter(message, reading.reason, reading.reading))
            else:
                events.append(reading)


def _received(message: BrokerMessage, now: float) -> float:
    """When the broker received a message, in Unix time; `now` where it does not say."""
    try:
        return times.to_epoch(times.normalise(message.received))
    except ValueError:
        return now


def _letter(message: BrokerMessage, reason: str, body: str | bytes) -> DeadLetter:
    # A resend trusts the letter's device: one that was not authenticated is not named.
    device = message.device if message.problem is None else None
    return DeadLetter(reason, body=body, device=device, received=message.received, sent=message.sent or None)


def assemble(context: Context) -> Dispatcher:
    queue = context.cloud.queue(context.settings["PROCESSING_QUEUE"])
    return Dispatcher(twin=context.twin, queue=queue, dead=context.dead_letters(), log=context.log)
