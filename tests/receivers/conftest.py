"""Functions of the three clouds on ports in memory, without the waits of a service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.deployed import Functions
from twin_runtime.delivery import coalescer
from twin_runtime.storage import rows
from twin_runtime.wire import secret_cache


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_FIRST_DELAY", 0.001)
    monkeypatch.setattr(secret_cache, "MIN_INTERVAL", 0.0)
    defaults = coalescer.of_messages.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "window", 0.001)


@pytest.fixture
def functions(tmp_path: Path) -> Iterator[Functions]:
    with Functions(tmp_path) as loader:
        yield loader
