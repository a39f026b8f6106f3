"""The program of the process in which the user's processors run; `user_process` starts it.

It imports the standard library alone, and is started with one argument, a JSON object: the folder of the
package, the import path, the bound of its memory, and the numbers of its pipes. Lines of ASCII pass on two of
them; a byte on a third says that there are lines. Fields are separated by tabs; texts in them are JSON, which
has neither tabs nor line breaks.

In, a JSON array in each line: the number of an event, the path of its processor, the event.
Out, in the order of the events, each line with the number of the event that it is about:

    <n> h                            ready
    <n> l, <n> L                     begins to load a module, has loaded it
    <n> k <data>                     the event with this data
    <n> r [<k|d> <time> <data>]…     the results: keeps the event's id or gets its own, a new time or nothing
    <n> e [kind, text, [[file, line, function]…]]     the code failed
    <n> x [kind, text, [[file, line, function]…]]     the same, and the process ends
    <n> b                            the event is not JSON

Each line is written when its event is done, so that the other side can see which event is being worked on.
The byte follows when all are done, or there are many: to wake up for each would cost more than most events.
"""

from __future__ import annotations

import faulthandler
import fcntl
import io
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from json.encoder import c_make_encoder, encode_basestring_ascii  # pyright: ignore[reportAttributeAccessIssue]
from typing import Any, cast

try:
    import resource
except ImportError:  # a platform without limits
    resource = None

MAX_RESULTS = 1_000
MAX_RESULT_BYTES = 4_000_000
MAX_OUTPUT_BYTES = 8_192
"""Of an event. What is more is left out."""
CLOSED = 100
"""The exit status of a process whose code has closed its pipe."""
_MOST_TEXT = 1_000
_MOST_FRAMES = 20
_AGAIN_S = 1.0
"""A module that failed to load is not tried again for so long: the events of a batch share the failure."""
_READ = 1 << 16
_MOST_UNSAID = 1 << 14
"""Bytes of lines that no byte has told of yet. Less than a pipe takes."""

_decode = json.JSONDecoder().decode
_encoder = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
_encode = _encoder.encode
if c_make_encoder is None:
    _chunks = cast(Callable[..., Any], _encoder.iterencode)
else:  # what `encode` makes anew for each value
    _chunks = c_make_encoder(
        None, _encoder.default, encode_basestring_ascii, None, ":", ",", False, False, False
    )
_exit, _write = os._exit, os.write


class Wrong(Exception):
    """What `process` returned is no event; the text is one sentence."""


class Output(io.RawIOBase):
    """Standard output and standard error. What an event writes first has the event's number before it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._number, self._said, self._left = 0, -1, MAX_OUTPUT_BYTES

    def about(self, number: int) -> None:
        self._number = number

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def write(self, data: Any) -> int:
        if self._said != self._number:
            self._said, self._left = self._number, MAX_OUTPUT_BYTES
            _write(self._descriptor, b"\x01%d\x02" % self._number)
        part = bytes(data[: max(self._left, 0)])
        self._left -= len(data)
        while part:
            part = part[_write(self._descriptor, part) :]
        return len(data)


class Processors:
    """The functions of the package's modules, each loaded when its first event comes."""

    def __init__(self, root: str, say: Callable[[str], None]) -> None:
        self._root = os.path.realpath(root)
        self._say = say
        self._loaded: dict[str, Callable[[Any], Any]] = {}
        self._failed: dict[str, tuple[float, BaseException]] = {}

    def get(self, path: str) -> Callable[[Any], Any]:
        """The function of the module at a path. Raises what the module raises."""
        function = self._loaded.get(path)
        if function is not None:
            return function
        at, error = self._failed.pop(path, (0.0, None))
        if error is None or time.monotonic() - at > _AGAIN_S:
            self._say("l")
            try:
                function = self._loaded[path] = self._load(path)
            except BaseException as raised:
                at, error = time.monotonic(), raised
            self._say("L")
            if function is not None:
                return function
        assert error is not None
        self._failed[path] = at, error
        raise error

    def _load(self, path: str) -> Callable[[Any], Any]:
        from importlib.util import module_from_spec, spec_from_file_location

        file = os.path.realpath(os.path.join(self._root, path))  # noqa: PTH118 - pathlib costs a cold start
        if not file.startswith(self._root + os.sep):
            raise ImportError(f"{path} is outside the package.")
        name = "twin_processor_" + "".join(c if c.isalnum() else "_" for c in path.removesuffix(".py"))
        spec = spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is not a Python file.")
        module = sys.modules[name] = module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        function = getattr(module, "process", None)
        if not callable(function):
            raise ImportError(f"{path} has no function process.")
        if logging := sys.modules.get("logging"):
            # Without a handler of the user's, the lines of level INFO would be lost.
            logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
        return function


def fields(event: dict[str, Any], returned: Any, given: dict[str, Any]) -> list[str]:
    """What `process` returned as fields of a line; `event` is what it got, which it may have changed, and
    `given` has the attributes as they were. Raises `Wrong`.
    """
    if returned is event:
        given["data"] = data = event.get("data")
        if event == given and isinstance(data, dict):
            return ["k", _data(data)]
    if returned is None:
        return ["r"]
    results: list[Any] = returned if isinstance(returned, list) else [returned]
    if len(results) > MAX_RESULTS:
        raise Wrong(f"process returned more than {MAX_RESULTS} events.")
    single, kept, size = len(results) == 1, False, 0
    made = ["r"]
    for item in results:
        if not isinstance(item, dict):
            raise Wrong(
                f"process must return an event, a list of events or None, not {type(item).__name__[:40]}."
            )
        keeps = not kept and item.get("id", given["id"] if single else None) == given["id"]
        kept = kept or keeps
        for name, value in item.items():
            if name not in given:
                raise Wrong(f"process returned an event with the unknown attribute {str(name)[:40]!r}.")
            if name not in ("id", "time", "data") and value != given[name]:
                raise Wrong(f"process must not change {name}.")
        data, moment = item.get("data"), item.get("time", given["time"])
        if not isinstance(data, dict):
            raise Wrong("process returned an event without data.")
        changed = "" if moment == given["time"] else _encode(moment if isinstance(moment, str) else None)
        made += ["k" if keeps else "d", changed, _data(data)]
        size += len(made[-1])
        if size > MAX_RESULT_BYTES:
            raise Wrong(f"process returned more than {MAX_RESULT_BYTES} bytes of data.")
    return made


def _data(data: dict[Any, Any]) -> str:
    try:
        return "".join(_chunks(data, 0))
    except (TypeError, ValueError, RecursionError) as error:
        raise Wrong(f"It cannot be written as JSON: {str(error)[:300]}.") from None


def failure(error: BaseException) -> str:
    """An exception as JSON: its class, its text, and the frames of its traceback, the innermost last."""
    if isinstance(error, Wrong):
        return _encode(["", str(error), []])
    kind = type(error).__name__[:100]
    try:
        text = str(error)[:_MOST_TEXT]
    except BaseException:  # it is the user's code too
        text = ""
    frames: list[tuple[str, int, str]] = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename != __file__:
            frames.append((code.co_filename, trace.tb_lineno, code.co_name))
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and isinstance(error.filename, str):
        frames.append((error.filename, error.lineno or 0, ""))
    return _encode([kind, text, frames[-_MOST_FRAMES:]])


def requests(lines: list[str]) -> list[Any]:
    """Number, path and event of each line; of one that is not JSON, the number alone."""
    try:
        return _decode("[" + ",".join(lines) + "]")  # far faster than one by one
    except (ValueError, RecursionError):
        if len(lines) == 1:
            return [[int(lines[0][1:].partition(",")[0]), None, None]]
        return [found for line in lines for found in requests([line])]


def serve(root: str, inbox: int, results: int, bell: int, output: Output) -> None:
    """Work until the other side closes its end."""
    forked: list[bool] = []
    number = unsaid = 0

    def say(text: str, most: int = 0) -> None:
        """`most`: how many bytes the other side need not be told of now."""
        nonlocal unsaid
        line = f"{number}\t{text}\n".encode("ascii")
        unsaid += len(line)
        try:
            if len(line) > _MOST_UNSAID:  # to be read while it is written
                _write(bell, b".")
            while line:
                line = line[_write(results, line) :]
            if unsaid > most:
                unsaid = 0
                _write(bell, b".")
        except OSError:  # the code has closed it
            _exit(CLOSED)

    # A process that the user's code forks has nothing to say here.
    mine = (inbox, results, bell)
    os.register_at_fork(after_in_child=lambda: (forked.append(True), *map(os.close, mine)))
    processors = Processors(root, say)
    get, read, about, out = processors.get, os.read, output.about, _exit
    say("h")
    rest = b""
    while chunk := read(inbox, _READ):
        chunk = rest + chunk if rest else chunk
        end = chunk.rfind(b"\n") + 1
        rest = chunk[end:]
        found = requests(chunk[:end].decode("ascii").split("\n")[:-1])
        left = len(found)
        for number, path, event in found:
            left -= 1
            most = _MOST_UNSAID if left else 0
            if path is None:
                say("b", most)
                continue
            about(number)
            given = event.copy()
            ends = False
            try:
                made = "\t".join(fields(event, get(path)(event), given))
            except BaseException as error:
                # What fills the memory may be in globals: the other events get a new process.
                ends = isinstance(error, MemoryError)
                made = ("x\t" if ends else "e\t") + failure(error)
            del event, given
            if forked:
                out(0)
            say(made, most)
            if ends:
                out(0)


def limit(megabytes: int) -> None:
    """Bound the memory, so that too much of it is an exception, and name this process to the kernel as the
    one to end where memory runs out all the same.
    """
    if resource is not None:
        size = megabytes << 20
        # RLIMIT_AS for platforms whose RLIMIT_DATA covers the heap alone; libraries map more than they use.
        for name, most in (("RLIMIT_DATA", size), ("RLIMIT_AS", size + (1 << 30)), ("RLIMIT_CORE", 0)):
            if (kind := getattr(resource, name, None)) is not None:
                hard = resource.getrlimit(kind)[1]
                bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
                resource.setrlimit(kind, (bound, bound))
    try:
        with open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - see above
            file.write("1000")
    except OSError:
        pass  # no Linux


def main() -> None:
    given = json.loads(sys.argv[1])
    for name in ("inbox", "results", "bell", "trace", "alive"):
        os.set_inheritable(given[name], False)
    if hasattr(fcntl, "F_SETSIG"):
        # Nothing is ever written to this pipe. When the function ends, its end of it closes, and the kernel
        # ends this process too, whatever it does.
        fcntl.fcntl(given["alive"], fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(given["alive"], fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(given["alive"], fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    faulthandler.enable(given["trace"])
    faulthandler.register(signal.SIGUSR1, given["trace"])
    output = Output(1)
    sys.stdout = sys.stderr = io.TextIOWrapper(
        cast(Any, output), "utf-8", errors="backslashreplace", newline="\n", write_through=True
    )
    sys.argv, sys.path[:] = [""], given["path"]
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.putenv(name, "1")  # else their libraries start a thread for each processor, with memory of its own
    limit(given["memory_mb"])
    serve(given["root"], given["inbox"], given["results"], given["bell"], output)
    _exit(0)  # threads of the user's code are not waited for


if __name__ == "__main__":
    main()
