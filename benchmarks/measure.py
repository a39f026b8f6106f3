"""Wall time, CPU time and peak memory of a command with all its child processes (Linux: read from /proc)."""

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_INTERVAL_S = 0.01


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds of wall time, seconds of CPU and peak resident megabytes, the latter two summed over the
    process tree.

    Sampled every 10 ms, so CPU can be low by that much per process. Pages that processes share count for
    each.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float


def run(command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Figures:
    """Run a command once, its output thrown away. Raises CalledProcessError when it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        env=env,
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    cpu: dict[int, float] = {}
    peak = 0.0
    while process.poll() is None:
        now = usage(process.pid)
        cpu.update({pid: seconds for pid, (seconds, _) in now.items()})
        peak = max(peak, sum(resident for _, resident in now.values()))
        time.sleep(_INTERVAL_S)
    wall = time.perf_counter() - started
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Figures(wall, sum(cpu.values()), peak)


def median(figures: Sequence[Figures]) -> Figures:
    """The median of each figure on its own."""
    return Figures(
        statistics.median(f.wall_s for f in figures),
        statistics.median(f.cpu_s for f in figures),
        statistics.median(f.peak_mb for f in figures),
    )


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
