"""`make demo` as a user runs it: what it shows, and that nothing is left when it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local_cloud import terraform
from local_cloud.errors import MissingProgram
from support.layouts import EXAMPLES
from support.servers import missing, npm_module

pytestmark = [pytest.mark.servers, pytest.mark.terraform]

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 240


@pytest.fixture(autouse=True)
def _programs() -> None:
    npm_module("@firestore-emulator/server")
    try:
        terraform.binary()
    except MissingProgram as error:
        missing(str(error))


def demo(folder: Path, *options: str, twin: Path = EXAMPLES / "single-gcp.yaml") -> subprocess.Popen[str]:
    environment = {**os.environ, "TWIN": str(twin), "TWINSPAN_LOCAL_CLOUD_FOLDER": str(folder)}
    return subprocess.Popen(
        [sys.executable, "-m", "local_cloud", *options],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def left(folder: Path) -> list[str]:
    """Command lines of processes that name the folder of a demonstration."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            environment = (process / "environ").read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if str(folder) in command or f"TWINSPAN_LOCAL_CLOUD_FOLDER={folder}" in environment:
            found.append(command)
    return found


def test_it_follows_an_event_trips_a_rule_and_counts(tmp_path: Path) -> None:
    running = demo(tmp_path / "local")
    said, complaints = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 0, said + complaints
    for role in ("dispatcher", "processor", "persister"):
        assert re.search(rf"\+ +\d+\.\d\d s +Google Cloud +{role}: ", said), said
    assert "read back: " in said
    assert 'the device got {"command": "stop", "value": true' in said
    assert "workflow: " in said
    counted = re.search(r"lost\n +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)\n", said)
    assert counted is not None, said
    sent, stored, duplicates, _, lost = counted.groups()
    assert (sent, duplicates, lost) == (stored, "0", "0")
    assert left(tmp_path / "local") == []


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGINT, id="ctrl-c"),
        pytest.param(signal.SIGTERM, id="sigterm", marks=pytest.mark.slow),
    ],
)
def test_it_stays_up_until_it_is_told_to_end(number: signal.Signals, tmp_path: Path) -> None:
    folder = tmp_path / "local"
    running = demo(folder, "--keep")
    assert running.stdout is not None
    until, said = time.monotonic() + PATIENCE_S, ""
    while "logs: " not in said and time.monotonic() < until:
        said += running.stdout.readline()
    for command in ("-m simulator --endpoint", "curl ", "-m operations dead-letters list"):
        assert command in said
    assert len(left(folder)) > 5
    running.send_signal(number)
    try:
        _, complaints = running.communicate(timeout=60)
    finally:
        running.kill()
    assert (running.returncode, complaints.strip()) == (130, "Ended.")
    assert left(folder) == []


def test_a_mistake_in_the_file_is_said_at_once(tmp_path: Path) -> None:
    twin = tmp_path / "twin.yaml"
    twin.write_text("twin: x\n")
    running = demo(tmp_path / "local", twin=twin)
    said, complaints = running.communicate(timeout=60)
    assert (running.returncode, said) == (2, "")
    assert "twin" in complaints
    assert "Traceback" not in complaints


def test_a_missing_program_is_said_with_the_fix(tmp_path: Path) -> None:
    running = subprocess.run(
        [sys.executable, "-m", "local_cloud"],
        cwd=ROOT,
        env={
            **os.environ,
            "TWIN": str(EXAMPLES / "single-aws.yaml"),
            "TWINSPAN_LOCAL_CLOUD_FOLDER": str(tmp_path / "local"),
            "TWINSPAN_MINISTACK": str(tmp_path / "nowhere"),
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert running.returncode == 2
    assert running.stderr.strip() == "MiniStack is not installed in nowhere: run make local-cloud."
