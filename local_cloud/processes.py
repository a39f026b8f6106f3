"""Servers as processes of their own, on free ports of loopback, ended with the block that started them."""

from __future__ import annotations

import atexit
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from local_cloud.errors import LocalCloudError

_GRACE_S = 5.0
_POLL_S = 0.05
_GONE_S = 2.0
_TAIL = 600
_LOWEST_PORT = 10_000
_USUAL_EPHEMERAL = 32_768
_ENOUGH_PORTS = 1_000
_given: set[int] = set()
_commands: set[subprocess.Popen[str]] = set()
_GUARD = Path(__file__).with_name("guard.py")


_ANNOUNCED = ("/bin/sh", "-c", '(echo "+$$" >&0); exec "$@" </dev/null', "sh")
"""Before a command: tells the guard, at the other end of stdin, of its process group, and becomes it.

This process may be killed between starting a command and telling of it. The pipe does not end before what was
started with it has told, so the guard misses none.
"""


class _Guard:
    """Tells the guard (see `guard.py`) which process groups it ends should this process be killed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self, command: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        """Start a command in a process group of its own; `options` are Popen's, but for stdin."""
        return subprocess.Popen(  # noqa: S603 - our own command lines
            [*_ANNOUNCED, *command], stdin=self._pipe(), start_new_session=True, **options
        )

    def remove(self, group: int) -> None:
        """Take a group back that has ended."""
        with contextlib.suppress(BrokenPipeError):  # it is gone: nobody guards, and all else goes on
            os.write(self._pipe(), f"-{group}\n".encode())  # in one piece, whichever thread it is

    def _pipe(self) -> int:
        with self._lock:
            if self._popen is None:
                self._popen = subprocess.Popen(  # noqa: S603 - our own program
                    [sys.executable, "-I", "-S", str(_GUARD)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={},
                    start_new_session=True,
                )
                atexit.register(self._popen.communicate)
            assert self._popen.stdin is not None
            return self._popen.stdin.fileno()


_guard = _Guard()


class Process:
    """One server. Its output goes to `log`."""

    def __init__(self, name: str, popen: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.log = log
        self._popen = popen

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def running(self) -> bool:
        return self._popen.poll() is None

    def kill(self) -> None:
        """End it at once, as a machine that fails would, with all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()
        # What it started is not ours to wait for, and holds its ports a moment longer.
        until = time.monotonic() + _GONE_S
        with contextlib.suppress(ProcessLookupError):
            while time.monotonic() < until:
                os.killpg(self.pid, 0)
                time.sleep(0.005)
        _guard.remove(self.pid)

    def ask_to_end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGTERM)

    def end(self, until: float) -> None:
        """Wait until `until` (of time.monotonic) for it to end, then kill what is left of its group."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(max(0.0, until - time.monotonic()))
        self.kill()

    def tail(self) -> str:
        """The last of what it said."""
        return self.log.read_text("utf-8", "replace")[-_TAIL:].strip() if self.log.exists() else ""


class Processes:
    """Starts servers and ends them all, in the opposite order: use it as a context manager.

    `folder` gets a log per server, `<name>.log`. `environment` is laid over this process's own for each.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._environment = dict(environment or {})
        self.folder.mkdir(parents=True, exist_ok=True)
        self._running: list[Process] = []
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Process:
        """Start a server; see `wait` for when it answers. `environment` is laid over that of all.

        Raises `LocalCloudError` when the program is not there, or all has been ended meanwhile.
        """
        log = self.folder / f"{name}.log"
        with self._lock:
            if self._closed:
                raise LocalCloudError(f"{name} was not started: the local cloud is ending.")
            with log.open("ab") as output:
                popen = self._popen(name, command, output, self._with(environment), cwd)
            process = Process(name, popen, log)
            self._running.append(process)
        return process

    def wait(self, process: Process, *, port: int, path: str | None = None, seconds: float = 60.0) -> None:
        """Until the server listens on `port` or, where `path` is given, answers it with any status below 500.

        Raises `LocalCloudError` with the server's last words when it ends first or takes too long.
        """
        until = time.monotonic() + seconds
        while not (listens(port) if path is None else answers(f"http://127.0.0.1:{port}{path}")):
            if not process.running:
                raise LocalCloudError(f"{process.name} ended before it answered: {process.tail()}")
            if time.monotonic() > until:
                raise LocalCloudError(
                    f"{process.name} did not answer on port {port} within {seconds:.0f} s: {process.tail()}"
                )
            time.sleep(_POLL_S)

    def stop(self, process: Process) -> None:
        """End one server before the others."""
        self._running.remove(process)
        process.ask_to_end()
        process.end(time.monotonic() + _GRACE_S)

    def close(self) -> None:
        """End every server: ask all of them, then kill who is left. No other can be started then."""
        with self._lock:
            self._closed = True
        for process in reversed(self._running):
            process.ask_to_end()
        until = time.monotonic() + _GRACE_S
        while self._running:
            self._running.pop().end(until)

    def _with(self, environment: Mapping[str, str] | None) -> dict[str, str]:
        return {**os.environ, **self._environment, **(environment or {})}

    @staticmethod
    def _popen(
        name: str, command: Sequence[str], output: IO[bytes], environment: Mapping[str, str], cwd: Path | None
    ) -> subprocess.Popen[bytes]:
        if shutil.which(command[0], path=environment.get("PATH")) is None:
            raise LocalCloudError(f"{name} could not be started: {command[0]} is not there.")
        return _guard.start(command, stdout=output, stderr=output, env=dict(environment), cwd=cwd)


def finish(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    cwd: Path | None = None,
    seconds: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, and return what it said.

    When this call is interrupted or takes longer than `seconds`, the command ends with all that it started.
    """
    popen = _guard.start(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(environment), cwd=cwd
    )
    _commands.add(popen)
    try:
        said, complaints = popen.communicate(timeout=seconds)
    finally:
        if popen.poll() is None:
            _kill(popen)
        _commands.discard(popen)
        _guard.remove(popen.pid)
    return subprocess.CompletedProcess(command, popen.returncode, said, complaints)


def end_commands() -> None:
    """End every command that `finish` waits for, in whichever thread."""
    for popen in list(_commands):
        _kill(popen)


def _kill(popen: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(popen.pid, signal.SIGKILL)
    popen.wait()


def free_port() -> int:
    """A port of loopback that nobody uses now, and that no connection will be given as its own."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Several at a time, all different, and never the same twice in this process.

    They lie below the range from which the kernel takes the ports of outgoing connections: one of those could
    have a port before its server does.
    """
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(_LOWEST_PORT, _ephemeral_ports())  # noqa: S311 - to keep out of others' way
        if port not in _given and _is_free(port):
            _given.add(port)
            found.append(port)
    return found


def _ephemeral_ports() -> int:
    """Where the kernel's own range begins."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()[0])
        if first > _LOWEST_PORT + _ENOUGH_PORTS:
            return first
    return _USUAL_EPHEMERAL


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def listens(port: int) -> bool:
    """Whether somebody takes connections on a port of loopback."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
        return True
    return False


def answers(url: str) -> bool:
    """Whether an HTTP server answers, with anything but a failure of its own."""
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - http on loopback
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the block as Ctrl-C does, so that servers are ended in all three cases. A second
    signal does not interrupt the ending.
    """
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(_number: int, _frame: object) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
