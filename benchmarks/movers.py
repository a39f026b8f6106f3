"""Rows per second of a core, requests and peak memory of the movers, at 50,000 and at 500,000 rows.

Each run is a process of its own; peak memory is that of the whole process, and beside it stands that of one
with nothing to move. What stands for the services takes little time and next to no memory: the hot store
makes its rows when it is asked for them, buckets are folders, HTTPS is a call. So the figures are the movers'
own work, with that of cold_mover's catalogue and archive_mover's receiver; a real service's answers come on
top. 100 devices of one type, a row a minute each, four measurements in a row.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import ROOT
from benchmarks.results import Result, Table

if TYPE_CHECKING:
    from twin_runtime.log import Log
    from twin_runtime.model import Twin

COUNTS = (50_000, 500_000)
QUICK_COUNTS = (1_000, 5_000)
EXPIRING = "cold_mover of a store that expires"
MOVERS = ("cold_mover", EXPIRING, "archive_mover")
TABLES = (
    Table(
        "Moving older rows",
        "Rows per second of CPU time on one core, requests per 1,000 rows, and peak memory of the process. "
        "None should depend on the number of rows; the fewer rows a device has in a day, the more requests "
        "there are. Speed varies by up to 30% on a busy machine, memory by 1 MB. A request deletes or writes "
        "25 rows of the hot store. Gets of objects include those of metadata.",
        rows="mover",
    ),
)
DEVICES = 100
AT_ONCE = 25
"""Rows in a request that writes or deletes some, as on DynamoDB."""
_READS, _WRITES, _DELETES = (f"hot store {kind}" for kind in ("reads", "writes", "deletes"))
_GETS, _PUTS, _LISTS, _GONE = (f"object {kind}" for kind in ("gets", "puts", "lists", "deletes"))
HOT_STORE = {"query": _READS, "put": _WRITES, "put_if_absent": _WRITES, "delete": _DELETES}
OBJECTS = {
    **dict.fromkeys(("get", "read", "stat"), _GETS),
    **dict.fromkeys(("put", "replace"), _PUTS),
    "names": _LISTS,
    "delete": _GONE,
}
REQUESTS = tuple(dict.fromkeys((*HOT_STORE.values(), *OBJECTS.values())))
_NOW = 1_717_200_000.0
_START = int(_NOW) - 400 * 86_400
Run = Callable[[], int]
"""Gives the number of rows that were moved."""


def results(*, quick: bool) -> Iterator[Result]:
    title = TABLES[0].title
    for mover in MOVERS:
        idle, first = measured(mover, 0)["peak_mb"], None
        for count in QUICK_COUNTS if quick else COUNTS:
            figures = measured(mover, count)
            row, speed, peak = f"{mover}, {count:,} rows", count / figures["seconds"], figures["peak_mb"]
            first = first or (count, speed)
            yield Result(title, row, "speed", speed, "rows/s", speed / first[1], f"with {first[0]:,} rows")
            yield Result(title, row, "peak memory", peak, "MB", peak / idle, "with nothing to move")
            for kind in REQUESTS:
                yield Result(title, row, kind, figures["requests"][kind] * 1_000 / count, "per 1,000 rows")


def measured(mover: str, count: int) -> dict[str, Any]:
    """The figures of one run, in a process of its own. Raises when a row was not moved."""
    command = [sys.executable, "-m", "benchmarks.movers", mover, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(f"{mover} failed with {count:,} rows: {done.stderr}")
    figures = json.loads(done.stdout)
    if figures["rows"] != count:
        raise RuntimeError(f"{mover} moved {figures['rows']:,} of {count:,} rows.")
    return figures


def move(mover: str, count: int) -> None:
    """One run, in this process."""
    requests = dict.fromkeys(REQUESTS, 0)
    with tempfile.TemporaryDirectory() as folder:
        if mover == "archive_mover":
            run = archive(count, Path(folder), requests)
        else:
            run = cold(count, Path(folder), requests, expires=mover == EXPIRING)
        # The peak begins anew: making the files of archive_mover is not its own work.
        Path("/proc/self/clear_refs").write_text("5", "ascii")
        began = time.process_time()
        rows = run()
        seconds = time.process_time() - began
    print(json.dumps({"rows": rows, "seconds": seconds, "peak_mb": _peak_mb(), "requests": requests}))


class Counted:
    """A store whose requests are counted, by `kinds`. Thread-safe, as the store is."""

    def __init__(self, store: Any, kinds: Mapping[str, str], requests: dict[str, int]) -> None:
        self._store = store
        self._kinds = kinds
        self._requests = requests
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **named: Any) -> Any:
            several = args[-1] if self._kinds is HOT_STORE and name != "query" else ()
            with self._lock:
                self._requests[self._kinds[name]] += max(-(-len(several) // AT_ONCE), 1)
            return getattr(self._store, name)(*args, **named)

        return call


class Allowed:
    """Expiry that costs nothing: the mover deletes no row."""

    def allow(self, until: float) -> str:
        return "on" if until else "off"


def _peak_mb() -> float:
    """Of this process alone: `ru_maxrss` begins with the peak of the process that started it."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)[0]) / 1024


def cold(count: int, folder: Path, requests: dict[str, int], *, expires: bool) -> Run:
    """Files and their index in a bucket of the same cloud, which is a folder."""
    from support.made_up import FolderObjects, MadeUpStore
    from twin_runtime.functions.cold_mover import ColdMover
    from twin_runtime.tiers.catalogue import Catalogue
    from twin_runtime.tiers.file_sinks import LocalFiles

    twin, log = _twin(), _silent()
    store: Any = MadeUpStore(list(twin.devices), count // DEVICES, start=_START, step=60)
    objects: Any = Counted(FolderObjects(folder / "cold"), OBJECTS, requests)
    counted: Any = Counted(store, HOT_STORE, requests)
    mover = ColdMover(
        twin=twin,
        store=counted,
        sink=LocalFiles(Catalogue(objects, twin, log=log, clock=lambda: _NOW)),
        expiry=Allowed() if expires else None,
        log=log,
        clock=lambda: _NOW,
        sleep=lambda _: None,
    )

    def run() -> int:
        moved = mover.run(0, 1, budget=3_600)
        assert moved.done
        assert store.left() == (count if expires else 0)
        return moved.rows

    return run


def archive(count: int, folder: Path, requests: dict[str, int]) -> Run:
    """Files as cold_mover makes them, through the receiver that checks them; buckets are folders."""
    from support.made_up import FolderObjects, MadeUpStore
    from support.tiers import Direct, link_to, writer_of
    from twin_runtime import times
    from twin_runtime.functions.archive_mover import ArchiveMover
    from twin_runtime.storage.holds import Holds
    from twin_runtime.tiers import due_rows, tier_files
    from twin_runtime.tiers.file_sinks import RemoteFiles

    twin, bucket = _twin(), FolderObjects(folder / "cold")
    store = MadeUpStore(list(twin.devices), count // DEVICES, start=_START, step=60)
    starts = dict.fromkeys(sorted(twin.devices), (times.EARLIEST, None))
    turns = due_rows.Turns(store, starts, before=times.from_epoch(_NOW), holds=Holds(()))
    for batch in turns.all():
        if not batch.rows:
            continue
        file = tier_files.pack(batch.rows, twin, "thermostat")
        bucket.put(file.name, file.body, rows=file.rows, sha256=file.sha256)
    here: Any = Counted(bucket, OBJECTS, requests)
    there: Any = Counted(FolderObjects(folder / "archive"), OBJECTS, requests)
    sink = RemoteFiles(link_to(Direct(writer_of(there, twin, reads=False))))
    mover = ArchiveMover(twin=twin, objects=here, sink=sink, log=_silent(), clock=lambda: _NOW)

    def run() -> int:
        moved = mover.run(0, 1, budget=3_600)
        assert moved.done
        return moved.rows

    return run


def _twin() -> Twin:
    from support.samples import DOCUMENT
    from twin_runtime import model

    devices = {f"thermostat-{number}": "thermostat" for number in range(DEVICES)}
    return model.parse(DOCUMENT | {"devices": devices, "safety_days": 30, "cold_days": 90})


def _silent() -> Log:
    from twin_runtime.log import Log

    return Log("mover", lambda _level, _line: None)


if __name__ == "__main__":
    move(sys.argv[1], int(sys.argv[2]))
