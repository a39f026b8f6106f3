"""CPU and events per second of each role against the bare calls of the same work, in one run.

A role is the product's: assembled as in a function, with the real adapters of its cloud, against servers that
are processes of their own. What a platform does around it (its HTTP server, its poller) is on neither side.
The bare side (see hops/bare.py) parses the batch, makes the same rows or bodies and calls the same SDK or
HTTP client, and does nothing else: it checks, signs, compresses, logs and repeats nothing. A receiver's bare
side is handed the JSON, its role the signed and compressed request.

CPU is that of this process alone, all threads; the two sides take turns, medians are shown. Events per second
are by the clock, and say as much about the servers as about the role. `--quick` makes two turns,
`--function-src <folder>` measures another version of the functions, further arguments name the roles.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.hops.pairs import Pair, Pairs

ROOT = Path(__file__).resolve().parent.parent
BATCHES = (1, 10, 100)
TARGET = 1.25
ROLES = (
    "dispatcher",
    "connector",
    "connector_both_gzip",
    "ingestion",
    "processor",
    "processor_without_code",
    "persister_local",
    "persister_remote",
    "writer",
    "hot_reader",
    "event_checker",
)
LINK_ONLY = ("connector", "connector_both_gzip", "persister_remote")
"""These call no service of their cloud: measured once."""
CLOUDS = ("aws", "azure", "gcp")
_SECONDS = 1.5
_TURNS = (20, 400)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of a call, in seconds."""

    cpu: float
    wall: float


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("roles", nargs="*", choices=[*ROLES, []])
    options.add_argument("--quick", action="store_true")
    options.add_argument("--clouds", default=",".join(CLOUDS))
    options.add_argument("--function-src", type=Path, default=ROOT / "function_src")
    given = options.parse_args()
    sys.path[:0] = [str(given.function_src), str(ROOT), str(ROOT / "tests")]
    print("CPU of the role / of the bare calls, per event, and events per second by the clock")
    for number, cloud in enumerate(given.clouds.split(",")):
        roles = [role for role in given.roles or ROLES if not number or role not in LINK_ONLY]
        with started(cloud) as (runs_on, pairs):
            print(f"{cloud}: {runs_on}")
            for role in roles:
                for count in BATCHES:
                    show(role, count, *measure(getattr(pairs, role)(count), quick=given.quick))


@contextlib.contextmanager
def started(cloud: str) -> Iterator[tuple[str, Pairs]]:
    """The servers of a cloud: what they are, and its pairs."""
    from benchmarks.hops import pairs
    from benchmarks.hops.services import sink

    with tempfile.TemporaryDirectory() as folder, sink() as link:
        module = import_module(f"benchmarks.hops.on_{cloud}")
        with module.services(pairs.secret(f"{link.url}/link")) as services:
            yield services.runs_on, pairs.Pairs(services, link, Path(folder))


def measure(pair: Pair, *, quick: bool) -> tuple[Cost, Cost]:
    """Medians of the role and of the bare calls, which take turns."""
    sides = (pair.ours, pair.bare)
    for side in sides * 2:
        once(side)
    turns = 2
    if not quick:
        lasts = sum(once(side).wall for side in sides)
        turns = min(max(int(_SECONDS / lasts), _TURNS[0]), _TURNS[1])
    gc.collect()
    taken: tuple[list[Cost], list[Cost]] = ([], [])
    for turn in range(turns):
        for which in (0, 1) if turn % 2 else (1, 0):
            taken[which].append(once(sides[which]))
    pair.left()
    ours, bare = (
        Cost(statistics.median(c.cpu for c in costs), statistics.median(c.wall for c in costs))
        for costs in taken
    )
    return ours, bare


def once(side: Callable[[], None]) -> Cost:
    wall, cpu = time.perf_counter(), time.process_time()
    side()
    return Cost(time.process_time() - cpu, time.perf_counter() - wall)


def show(role: str, count: int, ours: Cost, bare: Cost) -> None:
    """One line of the table."""
    ratio = ours.cpu / bare.cpu
    mark = f"  above {TARGET}" if count == max(BATCHES) and ratio > TARGET else ""
    print(
        f"  {role:<23} {count:>4}  {ours.cpu / count * 1e6:8.1f} / {bare.cpu / count * 1e6:8.1f} us"
        f"  {ratio:5.2f} x  {count / ours.wall:8.0f} / {count / bare.wall:8.0f} per s{mark}",
        flush=True,
    )


if __name__ == "__main__":
    main()
