"""writer: the receiver of remote writes, into the hot store."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from twin_runtime.context import Context
from twin_runtime.deadlines import UNBOUNDED, Budget, Deadline
from twin_runtime.delivery.dead_letters import DeadLetters
from twin_runtime.errors import Retry
from twin_runtime.log import Log
from twin_runtime.model import Twin
from twin_runtime.ports import Event, Store
from twin_runtime.storage.lifetimes import HotRows
from twin_runtime.wire.receiver import Receiver
from twin_runtime.wire.secret_cache import CachedSecret


class Writer(Receiver):
    """Answers 2xx when the events are in the store."""

    reads_data = False

    def __init__(
        self,
        *,
        twin: Twin,
        store: Store,
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
        self._rows = HotRows(store, twin, log, clock)

    def accept(self, events: Sequence[Event], texts: Sequence[str], deadline: Deadline) -> Mapping[int, str]:
        lost = self._rows.write(events, texts, deadline=deadline)
        later = next((each.reason for each in lost.values() if not each.permanent), None)
        if later is not None:
            raise Retry(later)
        return {position: each.reason for position, each in lost.items()}


def assemble(context: Context) -> Writer:
    return Writer(
        twin=context.twin,
        store=context.cloud.store(context.settings["STORE"]),
        dead=context.dead_letters(),
        log=context.log,
        link=context.secret("LINK_SECRET"),
        api_keys=context.api_keys(),
        budget=context.limits.budget(),
    )
