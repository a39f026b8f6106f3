"""ingestion: the receiver of remote telemetry, into the `processing` queue of the processing layer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from .batching import Outbox
from .dead_letters import DeadLetters
from .log import Log
from .model import Twin
from .ports import Event, Queue
from .receiver import Receiver
from .secret_cache import CachedSecret


class Ingestion(Receiver):
    """Answers 2xx when the events are in the queue."""

    def __init__(
        self,
        *,
        twin: Twin,
        queue: Queue,
        dead: DeadLetters,
        log: Log,
        link: CachedSecret,
        api_keys: CachedSecret | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(twin=twin, dead=dead, log=log, link=link, api_keys=api_keys, clock=clock)
        self._outbox = Outbox(queue)

    def accept(self, events: Sequence[Event], texts: Sequence[str]) -> Mapping[int, str]:
        return self._outbox.send(events, texts)
