"""The user's processors: one Python file per device type, in the package, with `def process(event)`.

`process` gets one event as a plain dict (a copy) and returns an event, a list of events, or None for none. A
returned event may change `data` and `time`, which stays within the bounds of the device's type (see
`clocks`); the other attributes are the input's, whether it repeats them or leaves them out, and another value
is an error. The event that keeps the input's `id` (or has none, where one event is returned) keeps its
identity; any other gets an id made of the input's id and its place in the list, so that processing an event
again gives the same events. `process` must therefore not depend on the clock, nor on chance.

A metric that the device type declares has a value of its type, or null. Others go on as they are.

The code runs in a process of its own (`user_process`), one for all processors of a function. It has the
function's environment and permissions; what it cannot do is to end the function, stop it, or use its memory.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from twin_runtime import deadlines, jsontext
from twin_runtime.errors import Retry
from twin_runtime.events import cloudevents
from twin_runtime.events.user_call import Call, Failure, Made
from twin_runtime.log import Log
from twin_runtime.model import DeviceType, Twin
from twin_runtime.ports import Event

if TYPE_CHECKING:
    from twin_runtime.events.user_process import UserProcess
    from twin_runtime.events.user_results import Checks

LIMIT_S = deadlines.CODE_S
"""Seconds that a call of `process` may take."""
MEMORY_MB = 512
_FOLDERS = ("processors", "packages")
"""Of the package, with what processors import."""
_MOST_LINES = 20
"""Of what an event printed, in the log."""


class Outcome(NamedTuple):
    """What became of one event: its results, as JSON, or a failure, and what the code printed meanwhile."""

    texts: list[str]
    failure: Failure | None
    output: str

    @property
    def results(self) -> list[Event]:
        """The events that the texts are."""
        return [jsontext.loads(text, max_bytes=len(text)) for text in self.texts]


class UserCode:
    """The processors of a package. Thread-safe; one event is worked on at a time. `log` gets what the code
    prints. `path` is what the code imports from: by default the standard library, the files beside the
    processors, the packages that they require, and then what this process imports from.
    """

    def __init__(
        self,
        root: Path,
        *,
        log: Log | None = None,
        limit_s: float = LIMIT_S,
        memory_mb: int = MEMORY_MB,
        path: Sequence[str] | None = None,
    ) -> None:
        self._root = root.resolve()
        self._path = _import_path(self._root) if path is None else path
        self._log = log
        self._limit_s = limit_s
        self._memory_mb = memory_mb
        self._lock = threading.Lock()
        self._process: UserProcess | None = None
        self._checks: Checks | None = None

    @property
    def pid(self) -> int | None:
        """The process in which the code runs, where there is one."""
        return self._process.pid if self._process else None

    def process_all(self, calls: Sequence[Call], *, deadline: float = math.inf) -> list[Made]:
        """What became of each event, in order. Raises `Retry` where the process does not start."""
        made, printed = self.run(calls, deadline)
        if self._log is not None:
            for at, output in printed.items():
                _log_output(self._log, calls[at], output)
        return made

    def run(self, calls: Sequence[Call], deadline: float) -> tuple[list[Made], dict[int, str]]:
        """As `process_all`, and what the code printed, by the event's position; writes nothing to the log."""
        from twin_runtime.events.user_results import Checks
        from twin_runtime.events.user_round import Round

        made: list[Made] = [None] * len(calls)
        printed: dict[int, str] = {}
        waiting = list(range(len(calls)))
        with self._lock:
            self._checks = checks = self._checks or Checks()
            while waiting and time.monotonic() < deadline:
                work = Round(self._running(), calls, waiting, made, checks, self._root, self._limit_s)
                try:
                    waiting = work.run(deadline)
                    printed |= work.printed()
                finally:
                    if work.over or waiting:
                        self._end()
                # A call that is stuck has cost its whole time. The others of its kind come last.
                waiting.sort(key=lambda at: calls[at][0].processor == work.stuck)
        return made, printed

    def close(self) -> None:
        """End the process, where there is one."""
        with self._lock:
            self._end()

    def _running(self) -> UserProcess:
        from twin_runtime.events.user_process import UserProcess

        if self._process is not None and not self._process.lives():
            self._end()
        if self._process is None:
            try:
                self._process = UserProcess(self._root, self._memory_mb, self._path)
            except OSError as error:
                raise Retry(str(error)) from error
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.end()
            self._process = None


def _import_path(root: Path) -> list[str]:
    """The standard library first: a device type may have the name of one of its modules."""
    library = Path(threading.__file__).parent
    folders = {str(library), str(library / "lib-dynload")}
    standard = [place for place in sys.path if place in folders]
    own = [str(root / name) for name in _FOLDERS]
    return [*standard, *own, *(place for place in sys.path if place not in standard)]


def try_out(
    file: Path,
    device_type: DeviceType,
    events: Sequence[Event],
    *,
    twin: Twin,
    limit_s: float = LIMIT_S,
    path: Sequence[str] | None = None,
) -> list[Outcome]:
    """What the processor in `file` makes of each event, in order; `device_type.processor` is not looked at.

    The code runs as in the cloud: in a process of its own, with a limit of `limit_s` seconds a call. Raises
    `cloudevents.Invalid` for an event that is not one of the twin, and `Retry` where the process does not
    start.
    """
    code = UserCode(file.parent, limit_s=limit_s, path=path)
    tried = device_type._replace(processor=file.name)
    calls = [call_of(tried, cloudevents.check(event, twin)) for event in events]
    try:
        made, printed = code.run(calls, math.inf)
    finally:
        code.close()
    return [
        Outcome([], each, printed.get(at, ""))
        if isinstance(each, Failure)
        else Outcome(each or [], None, printed.get(at, ""))
        for at, each in enumerate(made)
    ]


def call_of(device_type: DeviceType, event: Event) -> Call:
    """The call for an event whose text is not known, or has its data elsewhere."""
    rest = {name: value for name, value in event.items() if name != "data"}
    return (device_type, event, cloudevents.encode({**rest, "data": event["data"]}))


def _log_output(log: Log, call: Call, output: str) -> None:
    device_type, event, _ = call
    lines = output.splitlines()
    about = {"id": event["id"], "traceparent": event["traceparent"]}
    for line in lines[:_MOST_LINES]:
        log.info("processor_output", text=line, device_type=device_type.name, **about)
    if len(lines) > _MOST_LINES:
        log.info("processor_output_cut", lines=len(lines) - _MOST_LINES, **about)
