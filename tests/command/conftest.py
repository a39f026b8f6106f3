"""A twin that the command operates, in clouds in which there is nothing yet."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.operated import Operated
from support.planes import World, world


@pytest.fixture(name="world")
def a_world(tmp_path: Path) -> Iterator[World]:
    """Azure and Google Cloud."""
    with world(tmp_path) as made:
        yield made


@pytest.fixture
def operated(tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> Operated:
    """A twin without AWS."""
    return Operated(tmp_path, world, monkeypatch)
