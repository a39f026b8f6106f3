"""The benchmarks run, and compare like with like."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks import movers, roles, wire
from benchmarks.hops import pairs, sample
from benchmarks.hops.services import sink

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.servers]


@pytest.fixture(scope="module", params=roles.CLOUDS)
def hops(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[pairs.Pairs]:
    module = import_module(f"benchmarks.hops.on_{request.param}")
    with sink() as link, module.services(pairs.secret(f"{link.url}/link")) as services:
        yield pairs.Pairs(services, link, tmp_path_factory.mktemp("packages"))


@pytest.mark.parametrize("count", [1, 10])
@pytest.mark.parametrize("role", roles.ROLES)
def test_both_sides_leave_the_same_behind(hops: pairs.Pairs, role: str, count: int) -> None:
    pair = getattr(hops, role)(count)
    pair.left()
    pair.ours()
    ours = pair.left()
    pair.bare()
    assert ours == pair.left()
    assert ours


def test_the_user_code_has_an_effect(hops: pairs.Pairs) -> None:
    pair = hops.processor(1)
    pair.left()
    pair.ours()
    (batch,) = pair.left()
    assert batch[0]["data"]["dew_point"]


@pytest.mark.parametrize("cloud", roles.CLOUDS)
def test_the_roles_are_measured(cloud: str) -> None:
    lines = run("roles.py", "--quick", "--clouds", cloud, "dispatcher", "connector", "hot_reader")
    for role in ("dispatcher", "connector", "hot_reader"):
        measured = [line.split()[1] for line in lines if line.split()[0] == role]
        assert measured == [str(count) for count in roles.BATCHES]


def test_the_bytes_are_measured() -> None:
    lines = [line for line in run("wire.py") if "data" in line and "gzip" in line]
    assert [line.split()[0] for line in lines] == [str(count) for count in wire.BATCHES]


def test_the_movers_are_measured() -> None:
    for mover in movers.MOVERS:
        few, more = movers.measured(mover, 1_000), movers.measured(mover, 10_000)
        assert (few["rows"], more["rows"]) == (1_000, 10_000)
        assert more["files"] >= few["files"]
        assert more["peak_mb"] < few["peak_mb"] + 15


def test_bytes_are_those_that_were_sent() -> None:
    plain, packed = wire.send(100, gzip=False), wire.send(100, gzip=True)
    assert plain.body == len(sample.body(100))
    assert packed.body < plain.body / 3
    assert 0 < plain.head < packed.head


def run(name: str, *arguments: str) -> list[str]:
    command = [sys.executable, str(ROOT / "benchmarks" / name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
