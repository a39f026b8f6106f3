"""The two lazy loaders: a synth stays within a few times an empty app's, and is the same without them."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TWIN = ROOT / "examples" / "three-clouds.yaml"
LOOSE_FACTOR = 10


def synth(out: Path, **environment: str) -> float:
    """Wall seconds of a synth into `out`."""
    env = {**os.environ, "TWIN": str(TWIN), "CDKTF_OUTDIR": str(out), **environment}
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


@pytest.mark.matrix
def test_three_clouds_take_at_most_ten_times_an_empty_app(tmp_path: Path) -> None:
    """Loose on purpose: a loader that stops working costs a factor of forty."""
    synth(tmp_path / "warm")  # fills jsii's package cache
    floor = min(empty(tmp_path / f"empty{n}") for n in range(2))
    assert min(synth(tmp_path / f"twin{n}") for n in range(2)) < LOOSE_FACTOR * floor


@pytest.mark.slow
def test_output_is_the_same_without_the_loaders(tmp_path: Path) -> None:
    synth(tmp_path / "lazy")
    synth(tmp_path / "normal", TWINSPAN_NORMAL_IMPORTS="1")
    for lazy in sorted((tmp_path / "lazy").rglob("cdk.tf.json")):
        normal = tmp_path / "normal" / lazy.relative_to(tmp_path / "lazy")
        assert lazy.read_bytes() == normal.read_bytes(), lazy.parent.name
