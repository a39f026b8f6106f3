"""Wall time, CPU time and peak memory of a command with all its child processes (Linux: read from /proc)."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_INTERVAL_S = 0.01
_TAIL = 2_000


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds of wall time; seconds of CPU and peak resident megabytes, both of the whole process tree; peak
    resident megabytes of its largest process.

    Sampled every 10 ms, so CPU can be low by that much per process. Pages that processes share count for
    each.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float
    largest_mb: float


def run(command: Sequence[str], *, env: Mapping[str, str] | None = None) -> Figures:
    """Run a command once. Raises RuntimeError with its last words when it fails."""
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        cpu: dict[int, float] = {}
        peak = largest = 0.0
        while process.poll() is None:
            now = usage(process.pid)
            cpu.update({pid: seconds for pid, (seconds, _) in now.items()})
            resident = [megabytes for _, megabytes in now.values()]
            peak, largest = max(peak, sum(resident)), max(largest, *resident, 0.0)
            time.sleep(_INTERVAL_S)
        wall = time.perf_counter() - started
        if process.returncode:
            output.seek(0)
            said = output.read().decode("utf-8", "replace")[-_TAIL:]
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {said}")
    return Figures(wall, sum(cpu.values()), peak, largest)


def median(figures: Sequence[Figures]) -> Figures:
    """The median of each figure on its own."""
    return Figures(*map(statistics.median, zip(*map(astuple, figures), strict=True)))


def usage(pid: int) -> dict[int, tuple[float, float]]:
    """CPU seconds so far and resident megabytes of a process and all below it, by process id."""
    found: dict[int, tuple[float, float]] = {}
    for process in _tree(pid):
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended between the listing and the look
        found[process] = (int(fields[11]) + int(fields[12])) / _TICK, int(fields[21]) * _PAGE / 1e6
    return found


def _tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for parent in found:
        try:
            children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        except OSError:
            continue
        found += map(int, children)
    return found
