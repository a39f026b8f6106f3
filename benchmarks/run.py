"""Runs benchmarks, each in a process of its own: imports and memory of one are none of another's."""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

from benchmarks import ROOT, page
from benchmarks.results import Result

NAMES = ("synth", "functions", "links", "roles", "pipeline", "movers", "wire", "storage_costs")
PAGE = ROOT / "docs" / "performance.md"


def main(arguments: Sequence[str], *, names: Sequence[str] = NAMES, target: Path = PAGE) -> int:
    """The exit status: 1 when a benchmark failed. The others run all the same."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure, and write the page.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(names)}; default: all")
    parser.add_argument("--quick", action="store_true", help="run each one small; write no page")
    given = parser.parse_args(arguments)
    if unknown := sorted(set(given.names) - set(names)):
        parser.error(f"there is no benchmark {' or '.join(unknown)}: choose from {', '.join(names)}")
    chosen = given.names or list(names)
    began, loads = time.monotonic(), [os.getloadavg()[0]]
    # Quick figures mean nothing, so the benchmarks may disturb each other.
    with ThreadPoolExecutor((os.cpu_count() or 1) if given.quick else 1) as pool:
        made = list(pool.map(lambda name: apart(name, quick=given.quick), chosen))
    loads.append(os.getloadavg()[0])
    if failed := [name for name, results in zip(chosen, made, strict=True) if results is None]:
        print(f"Benchmarks that failed: {', '.join(failed)}", file=sys.stderr)
        return 1
    print(f"{len(chosen)} benchmarks in {time.monotonic() - began:.0f} s")
    if not given.quick and not given.names:
        tables = [table for name in chosen for table in import_module(f"benchmarks.{name}").TABLES]
        results = [result for results in made for result in results or ()]
        target.write_text(page.text(tables, results, loads), encoding="utf-8")
        print(f"wrote {target.name}")
    return 0


def apart(name: str, *, quick: bool) -> list[Result] | None:
    """The figures of a benchmark, run in a process of its own; None when it failed."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(_measured, name, quick).result()
        except BrokenProcessPool:
            print(f"{name}: its process ended before it was done", file=sys.stderr)
            return None


def _measured(name: str, quick: bool) -> list[Result] | None:
    """In that process."""
    made: list[Result] = []
    try:
        for result in import_module(f"benchmarks.{name}").results(quick=quick):
            print(f"{name:<13} {result}", flush=True)
            made.append(result)
    except BaseException:  # what skips a test, where a server is missing, is no Exception
        traceback.print_exc()
        return None
    if not made:
        print(f"{name} measured nothing", file=sys.stderr)
    return made or None
