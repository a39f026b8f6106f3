"""Files of each cold tier to the archive of each other cloud, over HTTPS; plain, and with faults.

Where both are in one cloud there is no mover: a rule of the bucket moves them.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from support.deployed import Functions
from support.samples import log
from support.tiers import Killed, Wired
from tiers.moves import DAY, Fleet, Fuse, names, per_second, sink
from tiers.services import Services
from twin_runtime.errors import Retry
from twin_runtime.functions.archive_mover import ArchiveMover
from twin_runtime.ports import Stored
from twin_runtime.roles import Cloud
from twin_runtime.tiers import tier_files

pytestmark = pytest.mark.servers
Told = Callable[[str], None]
PAIRS = pytest.mark.parametrize(
    ("cold", "archive"), [(cold, archive) for cold in Cloud for archive in Cloud if cold != archive]
)
ROWS_OF_A_FILE = 500


def moved(
    services: Services,
    functions: Functions,
    cold: str,
    archive: str,
    count: int,
    *,
    failures: float,
    dies: bool,
) -> str:
    dice = random.Random(f"{cold} {archive}")
    fleet, source, target = Fleet(count), services.tier(cold, "cold"), services.tier(archive, "archive")
    wanted = filled(fleet, source)
    seconds: list[float] = []
    deaths = 0
    with sink(functions, cold, archive, "archive_writer", target, fleet.document, failures=failures) as files:
        while True:
            at = dice.randrange(1, 40 + 50 * len(seconds)) if dies and len(seconds) < 30 else 10**9
            fuse = Fuse(at, after=dice.random() < 0.5)
            wired: Any = (Wired(source, fuse), Wired(files, fuse))
            mover = ArchiveMover(
                twin=fleet.twin,
                objects=wired[0],
                sink=wired[1],
                log=log("archive_mover")[0],
                clock=lambda: fleet.now + 90 * DAY,
            )
            began = time.monotonic()
            try:
                done = mover.run(0, 1, budget=3_000).done
            except Killed:
                done, deaths = False, deaths + 1
            except Retry:
                done = False
            seconds.append(time.monotonic() - began)
            if done:
                break
    assert list(names(source)) == []
    assert [target.stat(name) for name in names(target)] == wanted
    assert bool(deaths) is dies
    return f"{per_second(count, seconds)}, {len(wanted)} files, {deaths} killed"


def filled(fleet: Fleet, objects: Any) -> list[Stored]:
    """The fleet's rows as files of the cold tier; what is stored of each, by name."""
    made: list[Stored] = []
    for type in ("pump", "thermostat"):
        found = [row for row in fleet.rows if fleet.devices[row.device] == type]
        by_day: dict[str, list[Any]] = {}
        for row in sorted(found, key=lambda each: (each.device, each.key)):
            by_day.setdefault(tier_files.day_of(row.time), []).append(row)
        for rows in by_day.values():
            for start in range(0, len(rows), ROWS_OF_A_FILE):
                file = tier_files.pack(rows[start : start + ROWS_OF_A_FILE], fleet.twin, type)
                objects.put(file.name, file.body, rows=file.rows, sha256=file.sha256)
                made.append(Stored(file.name, len(file.body), file.rows, file.sha256))
    return sorted(made, key=lambda each: each.name)


@pytest.mark.matrix
@PAIRS
def test_a_few_files(services: Services, functions: Functions, cold: str, archive: str) -> None:
    moved(services, functions, cold, archive, 2_000, failures=0.2, dies=False)


@pytest.mark.slow
@PAIRS
def test_many_files(
    services: Services, functions: Functions, cold: str, archive: str, count: int, told: Told
) -> None:
    said = moved(services, functions, cold, archive, count, failures=0.0, dies=False)
    told(f"{cold} → {archive}: {said}")


@pytest.mark.slow
@PAIRS
def test_many_files_while_movers_die_and_receivers_fail(
    services: Services, functions: Functions, cold: str, archive: str, count: int, told: Told
) -> None:
    said = moved(services, functions, cold, archive, count, failures=0.2, dies=True)
    told(f"{cold} → {archive}, with faults: {said}")
