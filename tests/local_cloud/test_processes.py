"""Servers begin and end with the block that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local_cloud.errors import LocalCloudError
from local_cloud.processes import Process, Processes, free_port, free_ports, listens
from support.servers import is_there

ROOT = Path(__file__).resolve().parents[2]
SERVER = """
import sys
from http.server import HTTPServer, SimpleHTTPRequestHandler
HTTPServer(("127.0.0.1", int(sys.argv[1])), SimpleHTTPRequestHandler).serve_forever()
"""
# A child that ignores the first request to end, beside its parent.
FAMILY = f"""
import signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", {SERVER!r}, sys.argv[1]]).wait()
"""


def start(processes: Processes, port: int, code: str = SERVER) -> Process:
    process = processes.start("server", [sys.executable, "-c", code, str(port)])
    processes.wait(process, port=port)
    return process


def test_they_end_with_the_block(tmp_path: Path) -> None:
    port = free_port()
    with Processes(tmp_path) as processes:
        process = start(processes, port)
        assert process.running
    assert not process.running
    assert not listens(port)


def test_they_end_when_the_block_fails(tmp_path: Path) -> None:
    port = free_port()
    with pytest.raises(ZeroDivisionError), Processes(tmp_path) as processes:
        start(processes, port)
        _ = 1 / 0
    assert not listens(port)


def test_what_a_server_started_ends_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local_cloud.processes._GRACE_S", 0.3)
    port = free_port()
    with Processes(tmp_path) as processes:
        start(processes, port, FAMILY)
    assert not listens(port)


def test_one_that_is_killed_is_gone_at_once(tmp_path: Path) -> None:
    port = free_port()
    with Processes(tmp_path) as processes:
        process = start(processes, port)
        process.kill()
        assert not listens(port)


def test_one_that_ends_early_is_said_with_its_last_words(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        process = processes.start("server", [sys.executable, "-c", "raise SystemExit('the port is in use')"])
        with pytest.raises(LocalCloudError, match=r"server ended before it answered: the port is in use"):
            processes.wait(process, port=free_port())


def test_one_that_never_answers_is_said(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        process = processes.start("server", [sys.executable, "-c", "import time; time.sleep(60)"])
        with pytest.raises(LocalCloudError, match=r"server did not answer on port \d+ within 0 s"):
            processes.wait(process, port=free_port(), seconds=0.2)


def test_a_program_that_is_not_there_is_said(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes, pytest.raises(LocalCloudError, match="/no/such is not there"):
        processes.start("server", ["/no/such"])


def test_the_environment_of_all_reaches_each(tmp_path: Path) -> None:
    with Processes(tmp_path, {"A": "all", "B": "all"}) as processes:
        code = "import os; print(os.environ['A'], os.environ['B'])"
        process = processes.start("server", [sys.executable, "-c", code], environment={"B": "own"})
        os.waitpid(process.pid, os.WNOHANG)
        until = time.monotonic() + 10
        while process.tail() != "all own" and time.monotonic() < until:
            time.sleep(0.05)
        assert process.tail() == "all own"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_them_as_ctrl_c_does(number: signal.Signals, tmp_path: Path) -> None:
    port = free_port()
    code = f"""
import sys, threading
sys.path.insert(0, {str(Path(__file__).resolve().parents[2])!r})
from pathlib import Path
from local_cloud.processes import Processes, ended_by_signals
with ended_by_signals(), Processes(Path({str(tmp_path)!r})) as processes:
    process = processes.start("server", [sys.executable, "-c", {SERVER!r}, "{port}"])
    processes.wait(process, port={port})
    print("up", flush=True)
    threading.Event().wait()
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"up\n"
    parent.send_signal(number)
    parent.communicate(timeout=30)
    assert not listens(port)


def test_ports_are_all_different() -> None:
    assert len(set(free_ports(20))) == 20


KILLED_AT_ONCE = """
import os, signal, subprocess, sys
from pathlib import Path
from local_cloud.processes import Processes

class Last(subprocess.Popen):
    def __init__(self, command, **options):
        super().__init__(command, **options)
        if "sleep" in command:
            Path(sys.argv[1], "pid").write_text(str(self.pid))
            os.kill(os.getpid(), signal.SIGKILL)

subprocess.Popen = Last
Processes(Path(sys.argv[1])).start("server", ["sleep", "600"])
"""


def test_a_server_ends_though_its_starter_is_killed_before_another_word(tmp_path: Path) -> None:
    starter = subprocess.run([sys.executable, "-c", KILLED_AT_ONCE, tmp_path], cwd=ROOT, check=False)
    assert starter.returncode == -signal.SIGKILL
    server = int((tmp_path / "pid").read_text())
    until = time.monotonic() + 10
    while is_there(server) and time.monotonic() < until:
        time.sleep(0.02)
    there = is_there(server)
    if there:
        os.kill(server, signal.SIGKILL)
    assert not there
