"""A world for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.planes import World, world


@pytest.fixture(name="world")
def a_world(tmp_path: Path) -> Iterator[World]:
    """Clouds in which there is nothing yet."""
    with world(tmp_path) as made:
        yield made
