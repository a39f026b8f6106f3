"""Runs seeds: `python -m simulation.run --start 0 --seeds 1000`, with tests/ on the import path.

A seed that fails is run again with fewer steps, for as long as it fails, and printed with what happens in it.
Exit status 1 where an invariant does not hold.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

from simulation import plan as plans
from simulation.ledger import Violation
from simulation.plan import Plan, Step
from simulation.world import World

CAMPAIGN_EVERY = 500
"""One of so many seeds delivers every message 50 times, which takes as long as a hundred others."""
_AT_ONCE = 50
_SHOWN = 10
COUNTS = ("messages", "deliveries", "calls", "deaths", "effects", "rows", "files", "letters")


def plan_of(seed: int) -> Plan:
    return plans.campaign(seed) if seed % CAMPAIGN_EVERY == CAMPAIGN_EVERY - 1 else plans.make(seed)


def simulate(plan: Plan, trace: Callable[[str], None] | None = None) -> Counter[str]:
    """What a plan did. Raises `Violation`."""
    with World(plan, trace=trace) as world:
        return world.run()


def failure(plan: Plan) -> str:
    """How a plan fails, in a sentence; empty where it does not. Any exception that escapes is a failure."""
    try:
        simulate(plan)
    except Violation as violation:
        return str(violation)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def shortest(plan: Plan) -> tuple[Plan, list[str]]:
    """The shortest plan found that fails in the same way, and what happens in it, in words."""
    way = _way(failure(plan))

    def fails(steps: Sequence[Step]) -> bool:
        return _way(failure(replace(plan, steps=tuple(steps)))) == way

    short = replace(plan, steps=tuple(plans.shrunk(plan.steps, fails)))
    lines = [str(short.layout)]
    try:
        simulate(short, lines.append)
    except (Violation, Exception) as error:
        lines.append(f"=> {error}")
    return short, lines


def _way(sentence: str) -> str:
    """How a plan fails, whatever the numbers."""
    return re.sub(r"[0-9]+", "", sentence)[:30]


def run(seeds: Sequence[int]) -> tuple[Counter[str], dict[int, str]]:
    """What the seeds did, and how those that fail do."""
    totals: Counter[str] = Counter()
    failed: dict[int, str] = {}
    for seed in seeds:
        plan = plan_of(seed)
        try:
            totals += simulate(plan)
        except Violation as violation:
            failed[seed] = str(violation)
        except Exception as error:
            failed[seed] = f"{type(error).__name__}: {error}"
    return totals, failed


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="simulation.run", description=__doc__)
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1_000, help="how many")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    given = parser.parse_args(arguments)
    seeds = range(given.start, given.start + given.seeds)
    parts = [seeds[at : at + _AT_ONCE] for at in range(0, len(seeds), _AT_ONCE)]
    began = time.monotonic()
    totals: Counter[str] = Counter()
    failed: dict[int, str] = {}
    with ExitStack() as stack:
        each = map if given.jobs == 1 else stack.enter_context(ProcessPoolExecutor(given.jobs)).map
        for some, bad in each(run, parts):
            totals += some
            failed |= bad
    for seed, why in sorted(failed.items())[:_SHOWN]:
        print(f"Seed {seed}: {why}")
    for seed in sorted(failed)[:1]:
        short, lines = shortest(plan_of(seed))
        print(f"Seed {seed} in {len(short.steps)} steps:", *lines, sep="\n")
    took = time.monotonic() - began
    counts = ", ".join(f"{totals[name]} {name}" for name in COUNTS)
    pace = f"{len(seeds)} seeds from {given.start}, {len(seeds) / took:.0f} a second"
    print(f"{pace}: {len(failed)} failed; {counts}.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
