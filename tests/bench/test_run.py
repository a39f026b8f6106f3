"""What a quick run does not show: that a failure is told, and what the page says."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import movers, page, run, storage_costs, wire
from benchmarks.results import Result, Table, number


def test_a_benchmark_that_fails_is_named_and_the_others_run(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    target = tmp_path / "performance.md"
    names = ("no_such_benchmark", "wire")
    assert run.main([], names=names, target=target) == 1
    out, err = capfd.readouterr()
    assert "Benchmarks that failed: no_such_benchmark\n" in err
    assert "No module named 'benchmarks.no_such_benchmark'" in err
    assert "packed by gzip" in out
    assert not target.exists()


@pytest.mark.parametrize("arguments", [["--quick"], ["wire"]])
def test_a_quick_or_partial_run_leaves_the_page_alone(arguments: list[str], tmp_path: Path) -> None:
    target = tmp_path / "performance.md"
    assert run.main(arguments, names=("wire",), target=target) == 0
    assert not target.exists()


def test_a_full_run_writes_the_page_without_names_of_this_machine(tmp_path: Path) -> None:
    target = tmp_path / "performance.md"
    assert run.main([], names=("wire", "storage_costs"), target=target) == 0
    text = target.read_text("utf-8")
    for table in (*wire.TABLES, *storage_costs.TABLES):
        assert f"## {table.title}\n\n{table.about}\n\n| {table.rows} | " in text
    assert f"| Python | {platform.python_version()} |" in text
    assert platform.node() not in text
    assert str(Path.cwd()) not in text


def test_an_unknown_name_is_refused() -> None:
    command = [sys.executable, "-m", "benchmarks", "wires"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "there is no benchmark wires" in done.stderr


def test_ratios_come_before_figures() -> None:
    table = Table("Loading", "How long it takes.", rows="program")
    made = [
        Result("Loading", "ours", "time", 0.0456, "s", 2.5, "bare"),
        Result("Loading", "ours", "size", 1_234.5, "kB"),
        Result("Loading", "theirs", "time", 0.018, "s"),
    ]
    assert page.text([table], made, [0.5, 1.0]).endswith(
        "| program | time, × bare | time, s | size, kB |\n|---|---:|---:|---:|\n"
        "| ours | 2.50 | 0.0456 | 1,234 |\n| theirs |  | 0.0180 |  |\n"
    )
    assert [number(value) for value in (0, 1, 12.34, 100.4)] == ["0", "1.00", "12.3", "100"]


@pytest.mark.slow
@pytest.mark.parametrize("mover", movers.MOVERS)
def test_memory_does_not_grow_with_the_rows(mover: str) -> None:
    """Beyond the files of one pass, of which 50,000 rows fill a few."""
    assert movers.measured(mover, 200_000)["peak_mb"] < movers.measured(mover, 50_000)["peak_mb"] + 8
