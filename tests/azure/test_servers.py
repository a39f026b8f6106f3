"""Where the local servers come from, and what a machine is told that lacks them."""

from pathlib import Path

import pytest

from local_cloud import node
from local_cloud.errors import LocalCloudError
from support import servers


@pytest.fixture(autouse=True)
def _nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "NODE_MODULES", tmp_path)
    monkeypatch.setattr(node.shutil, "which", lambda _name, path=None: "/usr/bin/node")


def test_a_missing_server_skips_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="azurite is not installed: run make local-cloud"):
        servers.npm_program("azurite", "azurite")


def test_a_missing_server_fails_where_all_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="run make local-cloud"):
        servers.npm_program("azurite", "azurite")


def test_a_server_that_does_not_start_is_said() -> None:
    with (
        pytest.raises(LocalCloudError, match=r"sh ended before it answered: no such disk"),
        servers.running("sh", "-c", "echo no such disk; exit 1", port=servers.free_port()),
    ):
        pass
