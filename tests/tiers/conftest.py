"""The services of all pairs, and how much is moved."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.deployed import Functions
from tiers.services import Services
from twin_runtime.storage import rows
from twin_runtime.wire import secret_cache


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    with pytest.MonkeyPatch.context() as patch, Services(patch.setenv) as found:
        yield found


@pytest.fixture
def functions(tmp_path: Path) -> Iterator[Functions]:
    with Functions(tmp_path) as loader:
        yield loader


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_FIRST_DELAY", 0.001)
    monkeypatch.setattr(secret_cache, "MIN_INTERVAL", 0.0)


@pytest.fixture
def count() -> int:
    """How many rows a slow test moves: `TWINSPAN_TIER_ROWS`, or 50,000."""
    return int(os.environ.get("TWINSPAN_TIER_ROWS", "50000"))


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Prints a line that is seen also when the test passes."""

    def tell(line: str) -> None:
        with capsys.disabled():
            print(f"\n{line}", end=" ", flush=True)

    return tell
