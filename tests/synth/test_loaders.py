"""A synth stays within a few times an empty app's, and is the same without what makes it quick."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from twinspan.loading import BINDINGS, indexes

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
LOOSE_FACTOR = 6
GOOGLE = BINDINGS["gcp"]


def synth(out: Path, twin: str = "three-clouds.yaml", **environment: str) -> float:
    """Wall seconds of a synth into `out`."""
    env = {**os.environ, "TWIN": str(EXAMPLES / twin), "CDKTF_OUTDIR": str(out), **environment}
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, str(ROOT / "main.py")], env=env, check=True, capture_output=True, text=True
    )
    return time.perf_counter() - started


def empty(out: Path) -> float:
    """Wall seconds of a CDKTF app with nothing in it."""
    started = time.perf_counter()
    script = str(ROOT / "benchmarks" / "empty_app.py")
    subprocess.run([sys.executable, script, str(out)], check=True, capture_output=True)
    return time.perf_counter() - started


def stacks(out: Path) -> dict[str, bytes]:
    """What was synthesized, by stack."""
    return {path.parent.name: path.read_bytes() for path in out.rglob("cdk.tf.json")}


def link_or_copy(source: str, target: str) -> str:
    """Hundreds of megabytes, in no time where both are on one disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


@pytest.mark.matrix
def test_three_clouds_take_a_few_times_an_empty_app(tmp_path: Path) -> None:
    """Loose on purpose: a loader that stops working costs a factor of forty."""
    synth(tmp_path / "warm")  # fills jsii's package cache
    floor = min(empty(tmp_path / f"empty{n}") for n in range(2))
    assert min(synth(tmp_path / f"twin{n}") for n in range(2)) < LOOSE_FACTOR * floor


@pytest.mark.slow
def test_output_is_the_same_without_the_loaders(tmp_path: Path) -> None:
    synth(tmp_path / "quick")
    synth(tmp_path / "normal", TWINSPAN_NORMAL_IMPORTS="1")
    assert stacks(tmp_path / "quick") == stacks(tmp_path / "normal")


def test_every_installed_binding_has_an_index() -> None:
    assert not indexes.missing()


@pytest.mark.matrix
def test_a_lost_or_broken_index_costs_time_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synth(tmp_path / "whole", "single-gcp.yaml")
    cache = tmp_path / "cache"
    for package in ("cdktf", "constructs", "@cdktf/provider-google"):
        shutil.copytree(indexes.cache() / package, cache / package, copy_function=link_or_copy)
    monkeypatch.setenv("JSII_RUNTIME_PACKAGE_CACHE_ROOT", str(cache))
    assert GOOGLE not in indexes.missing()
    (manifest,) = cache.glob(f"@cdktf/provider-google/*/*/{indexes.MANIFEST}")

    manifest.unlink()
    assert GOOGLE in indexes.missing()
    for _ in range(5):  # on a loaded machine the kernel's last five seconds may be too short
        synth(tmp_path / "lost", "single-gcp.yaml")
        if GOOGLE not in indexes.missing():
            break
    assert GOOGLE not in indexes.missing()

    (rows,) = manifest.parent.glob(".jsii.runtime-defs.*")
    half = rows.read_bytes()[: rows.stat().st_size // 2]
    rows.unlink()  # the name, and not what the other cache holds as well
    rows.write_bytes(half)
    synth(tmp_path / "broken", "single-gcp.yaml")

    assert stacks(tmp_path / "lost") == stacks(tmp_path / "broken") == stacks(tmp_path / "whole")
