"""How long a synth takes: an empty CDKTF app, then twins in one, two and three clouds, in one run.

Each run is `python main.py` in a process of its own; runs are taken in turn, and medians are given. Then the
three clouds once more with the bindings imported the normal way, which takes a minute and is left out of a
quick run, and CPU for a twin with many twins in one process: a covering array of the seven layers.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks import ROOT
from benchmarks.measure import Figures, median, run, usage
from benchmarks.results import Result, Table
from twinspan.loading import BINDINGS, indexes
from twinspan.loading import quick as quick_imports

RUNS = 5
TABLES = (
    Table(
        "Synthesizing a twin",
        "One `python main.py` per run, compared with a CDKTF app that has an empty stack and no provider. "
        "Medians of five runs, taken in turn. Memory repeats within 1%. Ratios of CPU vary by up to 20% on "
        "a busy machine; wall time follows the other load.",
        rows="app",
    ),
    Table(
        "Many twins in one process",
        "CPU per twin of all seven layers when one process synthesizes many twins, as the tests do, "
        "compared with one three-cloud synth in a process of its own. The difference is start-up. It "
        "varies by up to 20% on a busy machine.",
        rows="twins",
    ),
)
EXAMPLES = ROOT / "examples"
EMPTY, THREE, NORMAL = "empty", "three clouds", "three clouds, bindings imported the normal way"


@dataclass(frozen=True, slots=True)
class App:
    """A program that synthesizes `stacks` into `out`."""

    command: tuple[str, ...]
    stacks: frozenset[str]
    out: Path
    env: dict[str, str]

    def run(self) -> Figures:
        """Once, into an empty folder. Raises RuntimeError when it fails or leaves a stack out."""
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.parent.mkdir(exist_ok=True)
        figures = run(self.command, env={**os.environ, **self.env})
        made = {path.parent.name for path in self.out.glob("stacks/*/cdk.tf.json") if path.stat().st_size}
        if made != self.stacks:
            raise RuntimeError(f"{self.command} made the stacks {sorted(made)}, not {sorted(self.stacks)}.")
        return figures


def results(*, quick: bool) -> Iterator[Result]:
    quick_imports.prepare()
    with tempfile.TemporaryDirectory() as folder:
        apps = _apps(Path(folder))
        normal = apps.pop(NORMAL)
        # A first run unpacks the bindings into jsii's cache and writes bytecode.
        for app in [apps[THREE]] if quick else apps.values():
            app.run()
        if missing := indexes.missing():
            raise RuntimeError(
                f"jsii's package cache has no index of {' and '.join(missing)}, so each synth reads the "
                "whole binding: run `python -m twinspan.loading.indexes`, and measure again."
            )
        taken: dict[str, list[Figures]] = {name: [] for name in apps}
        for _ in range(1 if quick else RUNS):
            for name, app in apps.items():
                taken[name].append(app.run())
        medians = {name: median(figures) for name, figures in taken.items()}
        if not quick:
            normal.run()
            medians[NORMAL] = normal.run()
    for name, figures in medians.items():
        yield from _figures(name, figures, medians[EMPTY])
    yield _many(medians[THREE].cpu_s, quick=quick)


def _apps(folder: Path) -> dict[str, App]:
    shutil.copytree(EXAMPLES, folder / "examples")  # twins name files beside themselves
    three = yaml.safe_load((EXAMPLES / "three-clouds.yaml").read_text("utf-8"))
    layers = {layer: "aws" if cloud == "gcp" else cloud for layer, cloud in three["layers"].items()}
    clouds = {cloud: section for cloud, section in three["clouds"].items() if cloud != "gcp"}
    two = folder / "examples" / "two-clouds.yaml"
    two.write_text(yaml.safe_dump({**three, "layers": layers, "clouds": clouds}), "utf-8")

    def twin(name: str, *stacks: str, **env: str) -> App:
        out = folder / "out" / name
        env |= {"TWIN": str(folder / "examples" / name), "CDKTF_OUTDIR": str(out)}
        return App((sys.executable, str(ROOT / "main.py")), frozenset(stacks), out, env)

    out = folder / "out" / EMPTY
    empty = (sys.executable, str(ROOT / "benchmarks" / "empty_app.py"), str(out))
    everywhere = (*BINDINGS, "links")
    return {
        EMPTY: App(empty, frozenset([EMPTY]), out, {}),
        "one cloud": twin("single-aws.yaml", "aws"),
        "two clouds": twin(two.name, "aws", "azure", "links"),
        THREE: twin("three-clouds.yaml", *everywhere),
        NORMAL: twin("three-clouds.yaml", *everywhere, TWINSPAN_NORMAL_IMPORTS="1"),
    }


def _figures(row: str, figures: Figures, floor: Figures) -> Iterator[Result]:
    for name, unit, figure, base in (
        ("wall", "s", figures.wall_s, floor.wall_s),
        ("CPU", "s", figures.cpu_s, floor.cpu_s),
        ("peak memory", "MB", figures.peak_mb, floor.peak_mb),
        ("largest process", "MB", figures.largest_mb, floor.largest_mb),
    ):
        yield Result(TABLES[0].title, row, name, figure, unit, figure / base, EMPTY)


def _many(single_cpu_s: float, *, quick: bool) -> Result:
    """CPU of a twin, with and without events, with a covering array of all seven layers in this process."""
    from support.layouts import COVERING, twin_config
    from support.synth import stacks_of
    from support.terraform_json import resources

    chosen = COVERING[:1] if quick else COVERING
    cpu = _cpu_s()
    for layout in chosen:
        for events in (True, False):
            found = stacks_of(twin_config(layout, events=events))
            if set(found) != {*layout.clouds, "links"} or not all(map(resources, found.values())):
                raise RuntimeError(f"The twin {layout} has the stacks {sorted(found)}, or an empty one.")
    count = 2 * len(chosen)
    each = (_cpu_s() - cpu) / count
    return Result(TABLES[1].title, f"{count}", "CPU of a twin", each, "s", each / single_cpu_s, "on its own")


def _cpu_s() -> float:
    """CPU seconds so far of this process and the jsii kernel."""
    return sum(seconds for seconds, _ in usage(os.getpid()).values())
