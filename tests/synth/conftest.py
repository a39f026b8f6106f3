"""Tests over every layout are a matrix: `make check` leaves them to `make test`."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and HERE in item.path.parents:
            callspec = getattr(item, "callspec", None)
            over_layouts = callspec is not None and "layout" in callspec.params
            if over_layouts or "SYNTHESIZED" in item.function.__code__.co_names:
                item.add_marker(pytest.mark.matrix)
