"""cold_mover: takes old rows from the hot store to files of the cold tier.

A batch is written as a file, the cold tier tells what it then stores, and only when that is the file are its
rows deleted. What a killed run left is settled first by the next one (see `checkpoints`), so that a row is
never in neither tier, and in one file.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from twin_runtime.context import Context
from twin_runtime.errors import Retry
from twin_runtime.log import Log, failure
from twin_runtime.model import Twin
from twin_runtime.ports import Store
from twin_runtime.tiers.checkpoints import Checkpoints
from twin_runtime.tiers.cold_run import ColdRun, Means, Moved
from twin_runtime.tiers.file_sinks import FileSink

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
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        workers: int = _WORKERS,
    ) -> None:
        self._means = Means(twin, store, sink, log, clock, sleep, workers)

    def run(self, partition: int, partitions: int, *, budget: float) -> Moved:
        """Move what is due, for `budget` seconds at most.

        Raises `Retry` when a service fails, and at its end when the cold tier refused a file: that file's
        rows stay where they are.
        """
        if not 0 <= partition < partitions:
            raise ValueError(f"partition {partition} is none of {partitions}")
        deadline, means = time.monotonic() + budget, self._means
        notes = Checkpoints(
            means.store,
            partition,
            partitions,
            owner=secrets.token_hex(8),
            clock=means.clock,
            sleep=means.sleep,
        )
        run = ColdRun(means, notes, partition, partitions, deadline)
        try:
            if not notes.claim(budget + _CLAIM_MARGIN_S):
                means.log.warning("busy", reason="Another run of this partition is under way.")
                return Moved(done=False)
            return run.move()
        except Retry as error:
            means.log.warning("move_failed", reason=error.reason, files=run.moved.files)
            raise
        except Exception as error:
            means.log.error("move_failed", reason=failure(error), files=run.moved.files)
            raise
        finally:
            self._release(notes)

    def _release(self, notes: Checkpoints) -> None:
        try:
            notes.release()
        except Exception as error:
            # It ends by itself, before the next run of the partition is due.
            self._means.log.warning("claim_kept", reason=failure(error))


def assemble(context: Context) -> ColdMover:
    store = context.cloud.store(context.settings["STORE"])
    return ColdMover(twin=context.twin, store=store, sink=context.file_sink(), log=context.log)
