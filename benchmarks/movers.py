"""Rows per second and peak memory of the movers, at 50,000 and at 500,000 rows.

Each run is a process of its own; peak memory is that of the whole process, and beside it stands what that is
more than of one with nothing to move. What stands for the services takes little time and next to no memory:
the hot store makes its rows when it is asked for them, buckets are folders, HTTPS is a call. So the figures
are the movers' own work, and for archive_mover its receiver's too; a real service's answers come on top. 100
devices of one type, a row a minute each, four measurements in a row.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "function_src"), str(ROOT), str(ROOT / "tests")]

if TYPE_CHECKING:
    from twin_runtime.log import Log
    from twin_runtime.model import Twin

COUNTS = (50_000, 500_000)
MOVERS = ("cold_mover", "archive_mover")
DEVICES = 100
_NOW = 1_717_200_000.0
_START = int(_NOW) - 400 * 86_400
Run = Callable[[], tuple[int, int, int]]
"""Gives the number of files, of rows and of packed bytes."""


def main() -> None:
    print("in memory; rows per second, and megabytes of the process over those of one with nothing to do")
    for mover in MOVERS:
        idle = measured(mover, 0)
        for count in COUNTS:
            figures = measured(mover, count)
            assert figures["rows"] == count
            over, packed = figures["peak_mb"] - idle["peak_mb"], figures["bytes"] / count
            print(
                f"{mover:<14} {count:>8} rows  {figures['files']:>4} files  {packed:5.1f} B/row  "
                f"{count / figures['seconds']:>6.0f} rows/s  peak {figures['peak_mb']:5.1f} MB (+{over:.1f})"
            )


def measured(mover: str, count: int) -> dict[str, float]:
    """The figures of one run, in a process of its own."""
    command = [sys.executable, str(Path(__file__).resolve()), mover, str(count)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def move(mover: str, count: int) -> None:
    """One run, in this process."""
    with tempfile.TemporaryDirectory() as folder:
        run = cold(count) if mover == "cold_mover" else archive(count, Path(folder))
        began = time.perf_counter()
        files, rows, size = run()
        seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"files": files, "rows": rows, "bytes": size, "seconds": seconds, "peak_mb": peak}))


def cold(count: int) -> Run:
    from support.made_up import Counting, MadeUpStore
    from twin_runtime.functions.cold_mover import ColdMover

    twin, sink = _twin(), Counting()
    store = MadeUpStore(list(twin.devices), count // DEVICES, start=_START, step=60)
    mover = ColdMover(
        twin=twin, store=store, sink=sink, log=_silent(), clock=lambda: _NOW, sleep=lambda _: None
    )

    def run() -> tuple[int, int, int]:
        assert mover.run(0, 1, budget=3_600).done
        assert store.left() == 0
        return sink.files, sink.rows, sink.bytes

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

    def run() -> tuple[int, int, int]:
        moved = mover.run(0, 1, budget=3_600)
        assert moved.done
        return moved.files, moved.rows, moved.bytes

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
    if sys.argv[1:]:
        move(sys.argv[1], int(sys.argv[2]))
    else:
        main()
