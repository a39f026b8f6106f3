"""ingestion: the receiver of remote telemetry, into the `processing` queue of the processing layer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from twin_runtime.context import Context
from twin_runtime.deadlines import UNBOUNDED, Budget, Deadline
from twin_runtime.delivery.batching import Outbox
from twin_runtime.delivery.dead_letters import DeadLetters
from twin_runtime.log import Log
from twin_runtime.model import Twin
from twin_runtime.ports import Event, Queue
from twin_runtime.wire.receiver import Receiver
from twin_runtime.wire.secret_cache import CachedSecret


class Ingestion(Receiver):
    """Answers 2xx when the events are in the queue."""

    reads_data = False

    def __init__(
        self,
        *,
        twin: Twin,
        queue: Queue,
        dead: DeadLetters,
        log: Log,
        link: CachedSecret,
        api_keys: CachedSecret | None = None,
        budget: Budget = UNBOUNDED,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(
            twin=twin, dead=dead, log=log, link=link, api_keys=api_keys, budget=budget, clock=clock
        )
        self._outbox = Outbox(queue)

    def accept(self, events: Sequence[Event], texts: Sequence[str], deadline: Deadline) -> Mapping[int, str]:
        return self._outbox.send_texts(texts, deadline=deadline.hand_over)


def assemble(context: Context) -> Ingestion:
    return Ingestion(
        twin=context.twin,
        queue=context.cloud.queue(context.settings["PROCESSING_QUEUE"]),
        dead=context.dead_letters(),
        log=context.log,
        link=context.secret("LINK_SECRET"),
        api_keys=context.api_keys(),
        budget=context.limits.budget(),
    )
