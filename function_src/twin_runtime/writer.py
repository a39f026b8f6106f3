"""writer: the receiver of remote writes, into the hot store."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from .dead_letters import DeadLetters
from .errors import Retry
from .lifetimes import HotRows
from .log import Log
from .model import Twin
from .ports import Event, Store
from .receiver import Receiver
from .secret_cache import CachedSecret


class Writer(Receiver):
    """Answers 2xx when the events are in the store."""

    def __init__(
        self,
        *,
        twin: Twin,
        store: Store,
        dead: DeadLetters,
        log: Log,
        link: CachedSecret,
        api_keys: CachedSecret | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(twin=twin, dead=dead, log=log, link=link, api_keys=api_keys, clock=clock)
        self._rows = HotRows(store, twin, log, clock)

    def accept(self, events: Sequence[Event], texts: Sequence[str]) -> Mapping[int, str]:
        lost = self._rows.write(events)
        later = next((each.reason for each in lost.values() if not each.permanent), None)
        if later is not None:
            raise Retry(later)
        return {position: each.reason for position, each in lost.items()}
