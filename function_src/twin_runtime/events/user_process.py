"""The process in which the user's processors run, as the function sees it: started, spoken with, ended.

`user_child` is its program, and says what passes between the two. Nothing that comes from it is trusted: it
runs the user's code.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from twin_runtime import jsontext
from twin_runtime.deadlines import CODE_S
from twin_runtime.events import user_child

MAX_LINE_BYTES = 2 * user_child.MAX_RESULT_BYTES
_START_S = CODE_S
"""A cold start on a busy machine takes seconds. Starting a process is a step of the work, as a call is."""
_STACK_S, _SILENCE_S = 1.0, 0.1
"""How long a process may take to write where it is, and after how much silence that is all."""
_LOOK_S = 0.05
"""Between two looks at whether the process lives and what it has done, where its pipes do not say it."""
_CHUNK = 1 << 16
_MOST_OUTPUT = 1 << 20
"""Of all events of a request."""
Frame = tuple[str, int, str]
"""File, line and function of the code."""
_MARK = re.compile(rb"\x01([0-9]{1,9})\x02")
_FRAME = re.compile(r'  File "(.+)", line ([0-9]+) in (.+)')


class UserProcess:
    """One process. Not thread-safe. Raises `OSError` where it does not start."""

    def __init__(self, root: Path, memory_mb: int, path: Sequence[str]) -> None:
        self.ended_by = ""
        """How it ended, where it did so by itself."""
        self.crash: list[Frame] = []
        """Where, the innermost frame last, where it crashed."""
        self._owner = os.getpid()
        self.printed: dict[int, bytes] = {}
        """What was written to standard output and standard error, by the number of the event."""
        self._request = memoryview(b"")
        self._lines, self._rest = bytearray(), bytearray()
        self._about = 0
        self._ended = self._silent = False
        with _pipes() as pipes:
            theirs = (pipes[0], pipes[3], pipes[7], pipes[8], pipes[11])
            inbox, self._inbox, self._results, results, self._output, output = pipes[:6]
            self._trace, trace, alive, self._alive, self._bell, bell = pipes[6:]
            given = {
                "root": str(root), "path": list(path), "memory_mb": memory_mb,
                "inbox": inbox, "results": results, "bell": bell, "trace": trace, "alive": alive,
            }  # fmt: skip
            self._process = subprocess.Popen(  # noqa: S603 - the program is this package's
                # Without site: what it would put on the import path is on this process's path already.
                [sys.executable, "-S", "-P", user_child.__file__, jsontext.dumps(given)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=theirs,
                start_new_session=True,
            )
        mine = (self._inbox, self._results, self._output, self._trace, self._alive, self._bell)
        self._end = weakref.finalize(self, _end, self._process, mine, self._owner)
        for descriptor in mine:
            os.set_blocking(descriptor, False)
        self._poll = select.poll()
        self._poll.register(self._results, 0)
        self._poll.register(self._bell, select.POLLIN)
        self._poll.register(self._output, select.POLLIN)
        self._await_start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def lives(self) -> bool:
        """Whether it can be used: by the process that started it, not by one that forks from that."""
        return not self._ended and not _gone(self._process) and self._owner == os.getpid()

    def send(self, request: bytes) -> None:
        """Hand over a request, in the turns to come: the process may be busy, and its pipe full."""
        self.printed.clear()
        self._about = 0
        self._request = memoryview(request)
        self._poll.register(self._inbox, select.POLLOUT)
        self._write()

    def turn(self, about: int, wait_s: float) -> list[str] | None:
        """The lines that have come, after `wait_s` at most; None when the process has ended and all is read.

        What is written without a number is about the event `about`.
        """
        self._about = max(self._about, about)
        for descriptor, _ in self._poll.poll(min(max(wait_s, 0), _LOOK_S) * 1000):
            if descriptor == self._inbox:
                self._write()
            elif descriptor == self._output:
                self.drain()
            elif descriptor == self._bell and not os.read(self._bell, _CHUNK):
                self._poll.unregister(self._bell)  # the results end as well
        self._read_results()
        if lines := self._taken():
            return lines
        if not self._ended and _gone(self._process):
            self._read_results()
            self._ended = True
        return self._taken() or (None if self._ended else [])

    def stack(self) -> list[Frame]:
        """Where its main thread is, the innermost frame last; empty where it does not say."""
        try:
            self._process.send_signal(signal.SIGUSR1)
        except OSError:
            return []
        return self._frames(time.monotonic() + _STACK_S)

    def end(self) -> list[str]:
        """End it, with the processes that it started; returns its last lines."""
        if not self._end.alive:
            return []
        by_itself = _gone(self._process)
        if self._ended and not by_itself:  # its pipes close a moment before it is gone
            time.sleep(_SILENCE_S)
            by_itself = _gone(self._process)
        status = _kill(self._process)
        self._read_results()
        self.drain()
        if by_itself and status != user_child.CLOSED:
            self.ended_by = f"exit status {status}" if status >= 0 else _signal(-status)
            self.crash = self._frames(0.0) if status < 0 else []
        else:
            self.ended_by = "it closed its pipe"
        self._end()
        self._ended = True
        return self._taken()

    def _await_start(self) -> None:
        until = time.monotonic() + _START_S
        lines: list[str] | None = []
        while lines == [] and (left := until - time.monotonic()) > 0:
            lines = self.turn(0, left)
        if lines != ["0\th"]:
            self.end()
            said = self.printed.get(0, b"").decode("utf-8", "replace").strip().splitlines()
            why = f"{self.ended_by}: {said[-1]}" if said else self.ended_by
            raise OSError(f"The process for processors did not start ({why}).")

    def _write(self) -> None:
        try:
            while self._request:
                self._request = self._request[os.write(self._inbox, self._request[:_CHUNK]) :]
        except BlockingIOError:
            return
        except OSError:  # it has ended, which its results will say
            self._request = memoryview(b"")
        self._poll.unregister(self._inbox)

    def _taken(self) -> list[str]:
        lines, self._lines = self._lines, bytearray()
        # What is not ASCII is not the program's.
        return lines.decode("ascii", "replace").split("\n")[:-1]

    def _read_results(self) -> None:
        """Without waiting."""
        while not self._ended:
            try:
                chunk = os.read(self._results, _CHUNK)
            except BlockingIOError:
                break
            self._ended = not chunk
            end = chunk.rfind(b"\n") + 1
            if end:
                self._lines += self._rest + chunk[:end]
                self._rest = bytearray()
            self._rest += chunk[end:]
            if len(self._rest) > MAX_LINE_BYTES:
                self._rest = bytearray(b"too long")
        # The end of a line is not told of.
        self._poll.modify(self._results, select.POLLIN if self._rest and not self._ended else 0)

    def drain(self) -> None:
        """Read what it has printed: all that is there, so that no event waits for its lines to be taken."""
        for _ in range(0 if self._silent else 64):
            try:
                chunk = os.read(self._output, _CHUNK)
            except BlockingIOError:
                return
            if not chunk:
                self._poll.unregister(self._output)
                self._silent = True
                return
            parts = _MARK.split(chunk)
            self._print(parts[0])
            for number, part in zip(parts[1::2], parts[2::2], strict=True):
                self._about = int(number)
                self._print(part)

    def _print(self, part: bytes) -> None:
        known = self.printed.get(self._about, b"")
        part = part[: user_child.MAX_OUTPUT_BYTES - len(known)]
        if part and sum(map(len, self.printed.values())) < _MOST_OUTPUT:
            self.printed[self._about] = known + part

    def _frames(self, until: float) -> list[Frame]:
        text = b""
        poll = select.poll()
        poll.register(self._trace, select.POLLIN)
        while len(text) < _CHUNK:
            left = _SILENCE_S if text else until - time.monotonic()
            if not poll.poll(max(left, 0) * 1000):
                break
            try:
                chunk = os.read(self._trace, _CHUNK)
            except BlockingIOError:
                break
            if not chunk:
                break
            text += chunk
        # One block for each thread, its innermost frame first. The main thread's has the child's program.
        for block in re.split(r"(?m)^(?:Current thread|Thread) ", text.decode("utf-8", "replace")):
            frames: list[Frame] = []
            for file, line, function in _FRAME.findall(block):
                if file == user_child.__file__:
                    return frames[::-1]
                frames.append((file, int(line), function))
        return []


@contextmanager
def _pipes() -> Iterator[list[int]]:
    """The ends of six pipes, for reading and for writing in turn. Those of the process that is started are
    closed at the end, and all where that is an error.
    """
    pipes: list[int] = []
    try:
        for _ in range(6):
            pipes += os.pipe()
        yield pipes
    except BaseException:
        for descriptor in pipes:
            os.close(descriptor)
        raise
    for place in (0, 3, 5, 7, 8, 11):
        os.close(pipes[place])


def _gone(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has ended. Its number stays its own, as no note is taken of that."""
    if process.returncode is not None:
        return True
    if not hasattr(os, "waitid"):  # macOS, before Python 3.13
        return process.poll() is not None
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _kill(process: subprocess.Popen[bytes]) -> int:
    """The process and those that it started. Returns its status."""
    if process.returncode is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except OSError:
            process.kill()
    return process.wait()


def _end(process: subprocess.Popen[bytes], descriptors: tuple[int, ...], owner: int) -> None:
    if os.getpid() == owner:
        _kill(process)
    for descriptor in descriptors:
        os.close(descriptor)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
