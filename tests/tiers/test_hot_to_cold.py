"""Rows of each hot store to files of each tier, over HTTP where the clouds differ; plain, and with faults."""

from __future__ import annotations

import operator
import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from support.deployed import Functions
from support.samples import log
from support.tiers import Killed, Wired
from tiers.moves import Fleet, Fuse, per_second, sink
from tiers.services import Services
from twin_runtime.errors import Retry
from twin_runtime.functions.cold_mover import ColdMover
from twin_runtime.roles import Cloud

pytestmark = pytest.mark.servers
Told = Callable[[str], None]
PAIRS = pytest.mark.parametrize(("hot", "cold"), [(hot, cold) for hot in Cloud for cold in Cloud])
PARTITIONS = 2
EXPIRES = {"aws"}
"""Where the store deletes what has expired by itself, and a mover deletes nothing."""


class Allowed:
    """An expiry that is allowed, and has nothing to delete yet: all rows last for 60 days."""

    def allow(self, until: float) -> str:
        return "on"


def moved(services: Services, functions: Functions, hot: str, cold: str, count: int) -> str:
    """Runs of each partition, which nothing disturbs."""
    fleet, store, tier = Fleet(count), services.store(hot), services.tier(cold, "cold")
    fleet.fill(store)
    seconds: list[float] = []
    with sink(functions, hot, cold, "cold_writer", tier, fleet.document) as files:
        mover = ColdMover(
            twin=fleet.twin,
            store=store,
            sink=files,
            expiry=Allowed() if hot in EXPIRES else None,
            log=log("cold_mover")[0],
            sleep=lambda _: None,
        )
        for partition in range(PARTITIONS):
            began = time.monotonic()
            assert mover.run(partition, PARTITIONS, budget=3_000).done
            seconds.append(time.monotonic() - began)
    fleet.check_moved(store, tier, expires=hot in EXPIRES)
    fleet.forget(store)
    return per_second(count, seconds)


def moved_with_faults(services: Services, functions: Functions, hot: str, cold: str, count: int) -> str:
    """Runs die at calls of chance, and one request in five fails."""
    dice = random.Random(f"{hot} {cold}")
    fleet, store, tier = Fleet(count), services.store(hot), services.tier(cold, "cold")
    fleet.fill(store)
    seconds: list[float] = []
    deaths = failed = 0
    left = set(range(PARTITIONS))
    with sink(functions, hot, cold, "cold_writer", tier, fleet.document, failures=0.2) as files:
        while left:
            for partition in sorted(left):
                # The longer it takes, the rarer it dies: the last run of all is left alone.
                at = dice.randrange(5, 30 + 100 * len(seconds)) if len(seconds) < 30 else 10**9
                fuse = Fuse(at, after=dice.random() < 0.5)
                wired: Any = (Wired(store, fuse), Wired(files, fuse))
                mover = ColdMover(
                    twin=fleet.twin,
                    store=wired[0],
                    sink=wired[1],
                    expiry=Allowed() if hot in EXPIRES else None,
                    log=log("cold_mover")[0],
                    sleep=lambda _: None,
                    # The claims of runs that have died have ended.
                    clock=partial(operator.add, fleet.now, 4_000.0 * len(seconds)),
                )
                began = time.monotonic()
                try:
                    if mover.run(partition, PARTITIONS, budget=3_000).done:
                        left.discard(partition)
                except Killed:
                    deaths += 1
                except Retry:
                    failed += 1
                seconds.append(time.monotonic() - began)
    fleet.check_moved(store, tier, expires=hot in EXPIRES)
    fleet.forget(store)
    assert deaths
    return f"{per_second(count, seconds)}, {deaths} killed, {failed} failed"


@pytest.mark.matrix
@PAIRS
def test_a_few_rows(services: Services, functions: Functions, hot: str, cold: str) -> None:
    moved(services, functions, hot, cold, 200)
    moved_with_faults(services, functions, hot, cold, 200)


@pytest.mark.slow
@PAIRS
def test_many_rows(
    services: Services, functions: Functions, hot: str, cold: str, count: int, told: Told
) -> None:
    told(f"{hot} → {cold}: {moved(services, functions, hot, cold, count)}")


@pytest.mark.slow
@PAIRS
def test_many_rows_while_movers_die_and_receivers_fail(
    services: Services, functions: Functions, hot: str, cold: str, count: int, told: Told
) -> None:
    told(f"{hot} → {cold}, with faults: {moved_with_faults(services, functions, hot, cold, count)}")
