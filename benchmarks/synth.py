"""How long a synth takes, against an empty CDKTF app and against the same imports made the normal way, in one
run.

Prints medians over several runs taken in turn, then CPU seconds per twin with many twins in one process:
a covering array of the seven layers, or with `--every` all 4,374. The normal way takes a minute a run;
`--quick` leaves it out.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "constructs"), str(ROOT / "function_src"), str(ROOT / "tests")]

from measure import Figures, median, run, usage  # noqa: E402

RUNS = 5


def main() -> None:
    quick = "--quick" in sys.argv
    twin = str(ROOT / "examples" / "three-clouds.yaml")
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "TWIN": twin, "CDKTF_OUTDIR": f"{folder}/twin"}
        app = [sys.executable, str(ROOT / "main.py")]
        empty = [sys.executable, str(ROOT / "benchmarks" / "empty_app.py"), f"{folder}/empty"]
        run(app, env=env)  # fills jsii's package cache
        run(empty, env=env)
        pairs = [(run(empty, env=env), run(app, env=env)) for _ in range(RUNS)]
        floor, ours = median([pair[0] for pair in pairs]), median([pair[1] for pair in pairs])
        show("empty app", floor, floor)
        show("three clouds", ours, floor)
        if not quick:
            normal = run(app, env={**env, "TWINSPAN_NORMAL_IMPORTS": "1"})
            normal = run(app, env={**env, "TWINSPAN_NORMAL_IMPORTS": "1"})  # the first one wrote the bytecode
            show("normal imports", normal, floor)
            print(f"three clouds / normal imports: wall 1/{normal.wall_s / ours.wall_s:.1f}", end=", ")
            print(f"CPU 1/{normal.cpu_s / ours.cpu_s:.1f}")
    layouts()


def show(name: str, figures: Figures, floor: Figures) -> None:
    """One line of the table."""
    print(
        f"{name:<15} wall {figures.wall_s:6.2f} s ({figures.wall_s / floor.wall_s:5.1f} x empty)"
        f"  CPU {figures.cpu_s:6.2f} s  peak {figures.peak_mb:6.0f} MB"
    )


def cpu_s() -> float:
    """CPU seconds so far of this process and the jsii kernel."""
    return sum(seconds for seconds, _ in usage(os.getpid()).values())


def layouts() -> None:
    """CPU per twin, kernel included, with a covering array of all seven layers in this process, events on and
    off.
    """
    from support.layouts import COVERING, EVERY_LAYOUT, twin_config
    from support.synth import stacks_of
    from support.terraform_json import resources
    from twinspan.providers.quick import skip_type_checks

    skip_type_checks()
    chosen = EVERY_LAYOUT if "--every" in sys.argv else COVERING
    started, cpu = time.perf_counter(), cpu_s()
    largest = (0, "")
    for layout in chosen:
        for events in (True, False):
            found = stacks_of(twin_config(layout, events=events))
            largest = max(largest, (sum(len(resources(stack)) for stack in found.values()), str(layout)))
    wall, cpu, count = time.perf_counter() - started, cpu_s() - cpu, 2 * len(chosen)
    print(f"{count} twins in one process: {wall:.1f} s wall, {cpu / count:.2f} s of CPU each", end=", ")
    print(f"the largest of {largest[0]} resources ({largest[1]})")


if __name__ == "__main__":
    main()
