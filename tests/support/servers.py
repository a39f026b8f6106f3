"""Local servers as processes of their own, on free ports of loopback."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn

import pytest

MODULES = Path(__file__).resolve().parents[1] / "servers" / "node_modules"
"""Where `npm ci` in tests/servers puts the servers that npm has."""
_WAIT_SECONDS = 60.0


def missing(sentence: str) -> NoReturn:
    """Skip the test, because the machine lacks what `sentence` says; where CI=true that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


def npm_module(name: str) -> Path:
    """The folder of an installed npm package of tests/servers."""
    if shutil.which("node") is None:
        missing("Node is not on this machine, and the local servers need it: install Node 20 or newer.")
    if not (MODULES / name).is_dir():
        missing(f"{name} is not installed: run npm ci in tests/servers.")
    return MODULES / name


def npm_program(package: str, name: str) -> str:
    """The path of a program of such a package."""
    npm_module(package)
    return str(MODULES / ".bin" / name)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(*command: str, port: int, environment: Mapping[str, str] | None = None) -> Iterator[None]:
    """A server, with all that it starts itself, from its first answer on `port` until the end of the
    block.
    """
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as output:
        server = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            until = time.monotonic() + _WAIT_SECONDS
            while not _listens(port):
                if server.poll() is not None or time.monotonic() > until:
                    output.seek(0)
                    raise RuntimeError(f"{command[0]} did not start: {output.read().decode()[-500:]}")
                time.sleep(0.1)
            yield
        finally:
            _end(server)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
        return True
    return False


def _end(server: subprocess.Popen[bytes]) -> None:
    """The server leads a process group of its own, which goes with it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(10)
