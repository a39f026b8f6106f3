"""cold_mover: takes old rows from the hot store to files of the cold tier.

A batch is written as a file, and the cold tier tells what it then stores. Only then is it noted that the rows
are in files (see `progress`), and only what is noted may go from the hot store: by its own expiry where that
is free (see `expiry`), else deleted here. A run that is killed in between stores the same rows again: the
cold tier leaves out what it has, so a row is never in neither tier, and in one file.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from twin_runtime.context import Context
from twin_runtime.errors import Retry
from twin_runtime.log import Log, failure
from twin_runtime.model import Twin
from twin_runtime.ports import Expiry, Store
from twin_runtime.tiers.claims import Claims
from twin_runtime.tiers.cold_run import ColdRun, Means, Moved
from twin_runtime.tiers.file_sinks import FileSink

BEHIND_S = 6 * 3_600
"""A partition that had work left at the end of each run for so long is reported. Nothing is at risk: expiry
waits for it."""
_CLAIM_MARGIN_S = 30.0
_WORKERS = 8


class ColdMover:
    """Each run moves the devices of one partition. Runs of different partitions may be at the same time."""

    def __init__(
        self,
        *,
        twin: Twin,
        store: Store,
        sink: FileSink,
        log: Log,
        expiry: Expiry | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        workers: int = _WORKERS,
    ) -> None:
        self._means = Means(twin, store, sink, expiry, log, clock, sleep, workers)

    def run(self, partition: int, partitions: int, *, budget: float) -> Moved:
        """Move what is due, for `budget` seconds at most.

        Raises `Retry` when a service fails, and at its end when something could not be stored: those rows
        stay where they are.
        """
        if not 0 <= partition < partitions:
            raise ValueError(f"partition {partition} is none of {partitions}")
        deadline, means = time.monotonic() + budget, self._means
        claims = Claims(means.store, partition, partitions, clock=means.clock)
        run = ColdRun(means, partition, partitions, deadline)
        moved = Moved(done=False)
        try:
            if not claims.claim(budget + _CLAIM_MARGIN_S):
                means.log.warning("busy", reason="Another run of this partition is under way.")
                return moved
            moved = run.move()
            return moved
        except Retry as error:
            means.log.warning("move_failed", reason=error.reason, files=run.moved.files)
            raise
        except Exception as error:
            means.log.error("move_failed", reason=failure(error), files=run.moved.files)
            raise
        finally:
            self._end(claims, moved, run.moved.aside)

    def _end(self, claims: Claims, moved: Moved, aside: int) -> None:
        """Report what needs a person, and end the claim."""
        late = 0.0 if moved.done else self._means.clock() - claims.done_at
        if claims.held and (late >= BEHIND_S or aside):
            self._means.log.error(
                "behind", hours=round(late / 3_600, 1), aside=aside, oldest_due_days=moved.oldest_due_days
            )
        try:
            claims.release(done=moved.done)
        except Exception as error:
            # It ends by itself, before the next run of the partition is due.
            self._means.log.warning("claim_kept", reason=failure(error))


def assemble(context: Context) -> ColdMover:
    settings, cloud = context.settings, context.cloud
    return ColdMover(
        twin=context.twin,
        store=cloud.store(settings["STORE"]),
        sink=context.file_sink(),
        expiry=cloud.expiry(settings["EXPIRY"]) if settings["EXPIRY"] else None,
        log=context.log,
    )
