"""Rows per second and peak memory of the movers, at 50,000 and at 500,000 rows.

Each run is a process of its own; peak memory is that of the whole process, and beside it stands that of one
with nothing to move. What stands for the services takes little time and next to no memory: the hot store
makes its rows when it is asked for them, buckets are folders, HTTPS is a call. So the figures are the movers'
own work, and for archive_mover its receiver's too; a real service's answers come on top. 100 devices of one
type, a row a minute each, four measurements in a row.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import ROOT
from benchmarks.results import Result, Table

if TYPE_CHECKING:
    from twin_runtime.log import Log
    from twin_runtime.model import Twin

COUNTS = (50_000, 500_000)
QUICK_COUNTS = (1_000, 5_000)
MOVERS = ("cold_mover", "archive_mover")
TABLES = (
    Table(
        "Moving older rows",
        "Rows per second of one process, without the latency of a real service, and peak memory of that "
        "process. Neither should depend on the number of rows. Speed varies by up to 60% on a busy "
        "machine, memory by 1 MB.",
        rows="mover",
    ),
)
DEVICES = 100
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


def measured(mover: str, count: int) -> dict[str, float]:
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
    with tempfile.TemporaryDirectory() as folder:
        run = cold(count) if mover == "cold_mover" else archive(count, Path(folder))
        # The peak begins anew: making the files of archive_mover is not its own work.
        Path("/proc/self/clear_refs").write_text("5", "ascii")
        began = time.perf_counter()
        rows = run()
        seconds = time.perf_counter() - began
    print(json.dumps({"rows": rows, "seconds": seconds, "peak_mb": _peak_mb()}))


def _peak_mb() -> float:
    """Of this process alone: `ru_maxrss` begins with the peak of the process that started it."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)[0]) / 1024


def cold(count: int) -> Run:
    from support.made_up import Counting, MadeUpStore
    from twin_runtime.functions.cold_mover import ColdMover

    twin, sink = _twin(), Counting()
    store = MadeUpStore(list(twin.devices), count // DEVICES, start=_START, step=60)
    mover = ColdMover(
        twin=twin, store=store, sink=sink, log=_silent(), clock=lambda: _NOW, sleep=lambda _: None
    )

    def run() -> int:
        assert mover.run(0, 1, budget=3_600).done
        assert store.left() == 0
        return sink.rows

    return run


def archive(count: int, folder: Path) -> Run:
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
    due = due_rows.Due(times.from_epoch(_NOW))
    for batch in due_rows.Turns(store, sorted(twin.devices), due=due, holds=Holds((), _NOW)).all():
        file = tier_files.pack(batch, twin, "thermostat")
        bucket.put(file.name, file.body, rows=file.rows, sha256=file.sha256)
    sink = RemoteFiles(link_to(Direct(writer_of(FolderObjects(folder / "archive"), twin))))
    mover = ArchiveMover(twin=twin, objects=bucket, sink=sink, log=_silent(), clock=lambda: _NOW)

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
