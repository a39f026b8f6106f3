"""Addresses of AWS on one machine."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local_cloud.aws import server
from local_cloud.aws.cloud import LocalAws
from local_cloud.certificates import Authority
from local_cloud.errors import MissingProgram
from local_cloud.processes import Processes
from support.servers import missing

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def cloud(tmp_path: Path) -> LocalAws:
    made = LocalAws(Processes(tmp_path), folder=tmp_path, authority=Authority(tmp_path))
    fake: Any = SimpleNamespace(url="https://127.0.0.1:4566")
    made._server = fake
    return made


def test_api_gateway_is_found_at_a_path(cloud: LocalAws) -> None:
    url = "https://0ad8ca23.execute-api.eu-central-1.amazonaws.com/v1/event-feedback"
    local = "https://127.0.0.1:4566/restapis/0ad8ca23/v1/_user_request_/event-feedback"
    assert cloud.address(url) == local


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1:7/ingestion", "https://x.execute-api.eu-central-1.amazonaws.com.example.com/v1/a"],
)
def test_other_addresses_stay_as_they_are(cloud: LocalAws, url: str) -> None:
    assert cloud.address(url) == url


def test_a_missing_environment_is_said_with_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(server.ENVIRONMENT_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(MissingProgram, match="MiniStack is not installed in nowhere: run make local-cloud"):
        server.environment()


def test_functions_find_iot_core_s_own_name_on_this_machine() -> None:
    resolver = Path(server.__file__).with_name("resolver")
    code = "import socket; print(socket.getaddrinfo('abc.iot.eu-central-1.localhost.', 443)[0][4][0])"
    found = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(resolver)}, capture_output=True, text=True
    )
    assert found.stdout.strip() == socket.gethostbyname("localhost")


def test_a_function_has_the_processes_that_it_reserves_and_no_more_than_there_are() -> None:
    """In MiniStack's own environment, where the launcher's imports are."""
    try:
        python = server.environment() / "bin" / "python"
    except MissingProgram as error:
        missing(str(error))
    program = """
from local_cloud.aws import ministack_launcher as launcher
for reserved in (None, 0, 2, 10_000):
    launcher._reserved_concurrency = lambda *_, reserved=reserved: reserved
    print(launcher.concurrency(None, None))
print(launcher.PROCESSES)
"""
    done = subprocess.run([python, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *found, processes = done.stdout.split()
    assert found == [processes, "0", "2", processes]
