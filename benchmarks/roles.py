"""CPU of each role against the bare calls of the same work, in one run.

A role is the product's: assembled as in a function, with the real adapters of its cloud, against servers that
are processes of their own. What a platform does around it (its HTTP server, its poller) is on neither side.
The bare side (see hops/bare.py) parses the batch, makes the same rows or bodies and calls the same SDK or
HTTP client, and does nothing else: it checks, signs, logs and repeats nothing. Over a link it compresses as
the role does, with the same library at the same level. A receiver's bare side is handed the JSON, its role
the signed and compressed request.

The product runs the user's code in a process of its own, with limits of time and memory. The processor is
compared with bare calls that use such a process too, without a check or a limit, and with ones that call the
code as a function.

CPU is that of this process, all threads, and of those in which the user's code runs; the two sides take
turns, medians are given. Both must leave the same behind, before and after they are timed, and every timed
call its part of it.
"""

from __future__ import annotations

import contextlib
import gc
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.results import Result, Table
from twin_runtime.roles import CLOUD_NAMES, Cloud

if TYPE_CHECKING:
    from benchmarks.hops.pairs import Pair, Pairs

BATCHES = (1, 10, 100)
ROLES = {
    "dispatcher": "dispatcher",
    "connector": "connector",
    "ingestion": "ingestion",
    "processor": "processor (bare: user code in a child process)",
    "processor_in_process": "processor (bare: user code in the same process)",
    "processor_without_code": "processor without user code",
    "persister_local": "persister to a local store",
    "persister_remote": "persister over a link",
    "writer": "writer",
    "hot_reader": "hot_reader",
    "event_checker": "event_checker, a rule fires",
    "event_checker_at_rest": "event_checker, no rule fires",
}
"""The pairs (see hops/pairs.py), and what the page calls them."""
LINK_ONLY = ("connector", "persister_remote")
"""These call no service of their cloud: measured once."""
TABLES = (
    Table(
        "Roles against bare calls",
        "CPU time per event in batches of 1, 10 and 100, compared with the same SDK or HTTP calls without "
        "checks, signatures, logs and retries. The product runs the user's code in a child process with "
        "limits; the row says where the bare calls run it. Ratios vary by up to 30% on a busy machine.",
        rows="role",
    ),
)
_SECONDS = 1.5
_TURNS = (20, 400)


def results(*, quick: bool) -> Iterator[Result]:
    first = next(iter(Cloud))
    for cloud in Cloud:
        with started(cloud) as pairs:
            for role in ROLES if cloud is first else [role for role in ROLES if role not in LINK_ONLY]:
                for count in BATCHES[::2] if quick else BATCHES:
                    ours, bare = measure(getattr(pairs, role)(count), quick=quick)
                    row = ROLES[role] if role in LINK_ONLY else f"{ROLES[role]}, {CLOUD_NAMES[cloud]}"
                    events = f"{count} event{'s' if count > 1 else ''}"
                    each = ours / count * 1e6
                    yield Result(TABLES[0].title, row, events, each, "µs an event", ours / bare, "bare")


@contextlib.contextmanager
def started(cloud: Cloud) -> Iterator[Pairs]:
    """The pairs of a cloud, with its servers."""
    from benchmarks.hops import pairs
    from benchmarks.hops.services import sink

    with tempfile.TemporaryDirectory() as folder, sink() as link:
        module = import_module(f"benchmarks.hops.on_{cloud}")
        with module.services(pairs.secret(f"{link.url}/link")) as services:
            yield pairs.Pairs(services, link, Path(folder))


def measure(pair: Pair, *, quick: bool) -> tuple[float, float]:
    """Median seconds of CPU of a call of the role and of the bare side, which take turns."""
    expected = _same(pair)
    sides = (pair.ours, pair.bare)
    turns, calls = 2, 0
    if not quick:
        began = time.perf_counter()
        for side in sides:
            pair.before()
            side()
        calls = 1
        turns = min(max(int(_SECONDS / (time.perf_counter() - began)), _TURNS[0]), _TURNS[1])
    gc.collect()
    taken: tuple[list[float], list[float]] = ([], [])
    for turn in range(turns):
        for which in (0, 1) if turn % 2 else (1, 0):
            pair.before()
            taken[which].append(_cpu_s(sides[which], pair.processes()))
    if pair.left() != expected * (1 if pair.again else 2 * (calls + turns)):
        raise RuntimeError("Calls that were timed did not all leave behind what they should.")
    if _same(pair) != expected:
        raise RuntimeError("The two sides leave something else behind than before they were timed.")
    return statistics.median(taken[0]), statistics.median(taken[1])


def _same(pair: Pair) -> list[Any]:
    """What a call of either side leaves behind. Raises when they differ, or leave nothing."""
    pair.left()
    pair.ours()
    ours = pair.left()
    pair.bare()
    bare = pair.left()
    if not ours or ours != bare:
        raise RuntimeError(f"The role left {str(ours)[:500]} behind, the bare calls {str(bare)[:500]}.")
    return ours


def _cpu_s(side: Callable[[], None], processes: Sequence[int]) -> float:
    began = time.process_time() + sum(map(_used_s, processes))
    side()
    return time.process_time() + sum(map(_used_s, processes)) - began


def _used_s(process: int) -> float:
    """Seconds of CPU that a process has used."""
    # The number of its clock, as clock_getcpuclockid gives it on Linux.
    return time.clock_gettime(~process << 3 | 2)
