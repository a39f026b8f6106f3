"""`make demo` as a user runs it: what it shows, and that nothing is left when it ends."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import urllib3

from local_cloud import terraform
from local_cloud.aws import server
from local_cloud.errors import MissingProgram
from stacks import summary
from support import documents
from support.layouts import EXAMPLES
from support.servers import missing, npm_module
from support.twinspan_command import environment, twinspan
from twinspan import __version__

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
    return subprocess.Popen(
        [sys.executable, "-m", "twinspan", "demo", *options],
        cwd=ROOT,
        env=environment({"TWIN": str(twin), "TWINSPAN_LOCAL_CLOUD_FOLDER": str(folder)}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said_until(running: subprocess.Popen[str], text: str) -> str:
    """What it shows, up to the line with the text."""
    assert running.stdout is not None
    until, said = time.monotonic() + PATIENCE_S, ""
    while text not in said and time.monotonic() < until:
        said += running.stdout.readline()
    return said


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
    running = demo(tmp_path / "local", "--json")
    document, said = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 0, said
    counts = documents.checked("demo", document)
    assert counts["good"]
    assert (counts["lost"], counts["duplicates"], counts["readings"]) == (0, 0, 200)
    for role in ("dispatcher", "processor", "persister"):
        assert re.search(rf"\+ +\d+\.\d\d s +Google Cloud +{role}: ", said), said
    assert "read back: " in said
    assert 'the device got {"command": "stop", "value": true' in said
    assert "workflow: " in said
    for line in (
        r"\d+ messages = 200 readings \+ \d+ repetitions",
        r"200 readings = \d+ to be stored \+ \d+ unfit on purpose \+ 0 not acknowledged by the broker",
        r"(\d+) to be stored = \1 stored \+ 0 lost",
        r"(\d+) events read back = \1 stored \+ 0 stored twice \+ 0 not to be stored",
    ):
        assert re.search(line, said), said
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
    said = said_until(running, "logs: ")
    for command in ("twinspan simulate --endpoint", "curl ", "twinspan dead-letters list"):
        assert command in said
    (status,) = (line for line in said.splitlines() if " status --twin " in line)
    shown = subprocess.run(
        ["/bin/sh", "-c", status.replace(summary.program(), f"{sys.executable} -m twinspan")],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"deployed by {__version__}" in shown.stdout, shown
    assert "former" not in shown.stdout
    assert len(left(folder)) > 5
    running.send_signal(number)
    try:
        _, complaints = running.communicate(timeout=60)
    finally:
        running.kill()
    assert (running.returncode, complaints.strip()) == (130, "Ended.")
    assert left(folder) == []


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        pytest.param("on this machine", 1.0, id="while it synthesizes"),
        pytest.param("aws: applying the stack", 4.0, id="while Terraform applies"),
        pytest.param("starting the functions", 0.5, id="while functions start", marks=pytest.mark.slow),
        pytest.param("One event", 1.0, id="while an event is on its way", marks=pytest.mark.slow),
        pytest.param("readings of", 2.0, id="while devices send"),
    ],
)
def test_ctrl_c_ends_it_at_any_moment(moment: str, seconds: float, tmp_path: Path) -> None:
    if "aws" in moment:
        try:
            server.environment()
        except MissingProgram as error:
            missing(str(error))
    folder = tmp_path / "local"
    twin = EXAMPLES / ("three-clouds.yaml" if "aws" in moment else "single-gcp.yaml")
    running = demo(folder, twin=twin)
    assert moment in said_until(running, moment)
    time.sleep(seconds)
    running.send_signal(signal.SIGINT)
    _, complaints = running.communicate(timeout=15)
    assert (running.returncode, complaints.strip()) == (130, "Ended.")
    assert left(folder) == []


def test_one_that_is_killed_leaves_nothing_in_the_way_of_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "local"
    first = demo(folder)
    said_until(first, "starting the functions")
    time.sleep(1)
    assert len(left(folder)) > 5
    first.kill()
    first.communicate(timeout=15)
    until = time.monotonic() + 10
    while left(folder) and time.monotonic() < until:
        time.sleep(0.05)
    assert left(folder) == []
    second = demo(folder)
    said, complaints = second.communicate(timeout=PATIENCE_S)
    assert second.returncode == 0, said + complaints


def test_a_mistake_in_the_file_is_said_at_once(tmp_path: Path) -> None:
    twin = tmp_path / "twin.yaml"
    twin.write_text("twin: x\n")
    running = demo(tmp_path / "local", twin=twin)
    said, complaints = running.communicate(timeout=60)
    assert (running.returncode, said) == (2, "")
    assert "twin" in complaints
    assert "Traceback" not in complaints


def test_a_missing_program_is_said_with_the_fix(tmp_path: Path) -> None:
    given = {
        "TWIN": str(EXAMPLES / "single-aws.yaml"),
        "TWINSPAN_LOCAL_CLOUD_FOLDER": str(tmp_path / "local"),
        "TWINSPAN_MINISTACK": str(tmp_path / "nowhere"),
    }
    running = twinspan("demo", cwd=ROOT, given=given)
    assert running.returncode == 2
    assert running.stderr.strip() == "MiniStack is not installed in nowhere: run make local-cloud."


@pytest.mark.parametrize(
    "cloud", ["gcp", *(pytest.param(name, marks=pytest.mark.slow) for name in ("azure", "aws"))]
)
def test_a_kept_demonstration_takes_up_a_saved_processor(cloud: str, tmp_path: Path) -> None:
    if cloud == "aws":
        try:
            server.environment()
        except MissingProgram as error:
            missing(str(error))
    text = (EXAMPLES / f"single-{cloud}.yaml").read_text().replace("read_api: false", "read_api: true")
    device_type = re.findall(r"device_types:\n  (\w+):\n", text)[0]
    folder = tmp_path / "twin"
    shutil.copytree(EXAMPLES, folder)
    twin, processor = folder / "twin.yaml", folder / "mine.py"
    twin.write_text(text.replace(f"  {device_type}:\n", f"  {device_type}:\n    processor: mine.py\n", 1))
    processor.write_text("def process(event):\n    event['data']['first'] = 1\n    return event\n")
    running = demo(tmp_path / "local", "--keep", twin=twin)
    try:
        said = said_until(running, "the processor takes it up")
        assert "save mine.py: the processor takes it up" in said
        assert "first" in sent_and_read(said)
        shutil.copytree(folder, tmp_path / "whole")
        processor.write_text("def process(event)\n")
        assert "has a syntax error in line 1" in said_until(running, "has a syntax error in line 1")
        # The simulator takes no twin with a processor that is not Python.
        assert "first" in sent_and_read(said.replace(str(twin), str(tmp_path / "whole" / "twin.yaml")))
        processor.write_text("def process(event):\n    event['data']['second'] = 2\n    return event\n")
        assert "mine.py: taken up by the processor" in said_until(running, "taken up by the processor")
        data = sent_and_read(said)
        assert "second" in data
        assert "first" not in data
    finally:
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)
    assert left(tmp_path / "local") == []


def sent_and_read(said: str) -> dict[str, Any]:
    """Send readings by the command that the demonstration prints; the newest one, by the other command."""
    simulate, curl = (
        next(line for line in said.splitlines() if word in line) for word in (" simulate ", "curl ")
    )
    _, _, options = simulate.partition(" simulate ")
    command = [sys.executable, "-m", "twinspan", "simulate", *shlex.split(options), "--count", "5"]
    began = datetime.now(UTC)
    done = subprocess.run(command, cwd=ROOT, env=environment(), check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    _, _, trust, _, header, url = shlex.split(curl.strip())
    name, _, value = header.partition(": ")
    pool = urllib3.PoolManager(ca_certs=trust)
    until = time.monotonic() + PATIENCE_S
    while True:
        found = pool.request("GET", url, headers={name: value}).json()
        newest = found["events"][0]
        if datetime.fromisoformat(newest["time"]) > began:
            return newest["data"]
        assert time.monotonic() < until, found
        time.sleep(0.2)
