"""What an operator is told who lacks the packages of a cloud."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from operations.access import Access
from operations.errors import OperationError
from replay.places import Place as Hop
from replay.sources.opening import open_source
from restore.catalogues.opening import open_catalogue
from restore.places import Place

INSTALL = r"is not installed: pip install -r requirements-replay\.txt\."


def without(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    for name in modules:
        monkeypatch.setitem(sys.modules, name, None)


def test_a_cloud_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "boto3", "operations.reach.aws")
    with pytest.raises(OperationError, match=INSTALL):
        Access().to("aws")


@pytest.mark.parametrize("opened", ["source", "catalogue"])
def test_a_list_without_its_package(opened: str, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "replay.sources.azure", "restore.catalogues.azure")
    reach: Any = None
    with pytest.raises(OperationError, match=INSTALL):
        if opened == "source":
            open_source(Hop("azure", "processing", "queue", "letters", "target"), reach)
        else:
            open_catalogue(Place("cold", "azure", "https://account/c?tier=Cool"), reach)
