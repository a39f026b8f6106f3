"""What waits between tries does not wait here."""

from __future__ import annotations

import pytest

from twin_runtime.storage import rows


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_FIRST_DELAY", 0.001)
