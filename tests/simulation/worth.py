"""Measures which planted faults the simulation finds: `python -m simulation.worth`, with tests/ importable.

Writes worth.md beside this file. Exit status 1 where it finds fewer than 28 of 30.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from simulation import run
from simulation.mutants import MUTANTS, Mutant

SEEDS = 1_000
ENOUGH = 10
"""Seeds that find a fault: then its share is known, and no more are run."""
NEEDED = 28
"""Of thirty."""
PAGE = Path(__file__).with_suffix(".md")


def found(fault: Mutant) -> tuple[int, int]:
    """How many seeds find a fault, and of how many from 0 on."""
    hits = seed = 0
    with fault.planted():
        for seed in range(SEEDS):
            hits += run.failure(run.plan_of(seed)) != ""
            if hits == ENOUGH:
                break
    return hits, seed + 1


def page(results: list[tuple[int, int]]) -> Iterator[str]:
    """The lines of the page."""
    finders = sum(hits > 0 for hits, _ in results)
    yield "# What the simulation finds\n"
    yield (
        f"Written by `make simulation-worth`. {finders} of {len(MUTANTS)} planted faults are found within "
        f"{SEEDS:,} seeds. A fault runs from seed 0 until {ENOUGH} seeds have found it.\n"
    )
    yield "| fault | in an earlier release | seeds in 1,000 that find it | measured on seeds |"
    yield "|---|---|---|---|"
    for fault, (hits, ran) in zip(MUTANTS, results, strict=True):
        yield f"| {fault.name} | {'yes' if fault.known else ''} | {hits * 1_000 / ran:.0f} | {ran:,} |"


def main() -> int:
    results: list[tuple[int, int]] = []
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for fault, (hits, ran) in zip(MUTANTS, pool.map(found, MUTANTS), strict=True):
            results.append((hits, ran))
            print(f"{hits:4} of {ran:5,}  {fault.name}", flush=True)
    PAGE.write_text("\n".join(page(results)) + "\n")
    finders = sum(hits > 0 for hits, _ in results)
    print(f"{finders} of {len(MUTANTS)} faults are found.")
    return 0 if finders * 30 >= NEEDED * len(MUTANTS) else 1


if __name__ == "__main__":
    sys.exit(main())
