"""One turn of the user's code: events that go to its process together, and what comes back of them."""

from __future__ import annotations

import linecache
import time
from collections.abc import Sequence
from pathlib import Path

from twin_runtime import jsontext
from twin_runtime.events import user_results
from twin_runtime.events.user_call import Call, Failure, Made
from twin_runtime.events.user_process import Frame, UserProcess
from twin_runtime.events.user_results import Checks, Foreign

LOAD_LIMIT_S = 30.0
"""Seconds that loading a module may take: once for a process."""
_MOST_FRAMES = 8
_RETURNED = "what it returned"


class Round:
    """Events that go to one process together, until all are done or the process has to be replaced. `made`
    has what became of each call, by its position in `calls`; `waiting` has the positions of those to do.
    """

    def __init__(
        self,
        process: UserProcess,
        calls: Sequence[Call],
        waiting: Sequence[int],
        made: list[Made],
        checks: Checks,
        root: Path,
        limit_s: float,
    ) -> None:
        self.over = False
        """Whether the process is of no use any more."""
        self.stuck: str | None = None
        """The processor that took too long."""
        self._process = process
        self._calls = calls
        self._waiting = waiting
        self._done = 0
        """How many of `waiting` are: the one after them is being worked on."""
        self._made = made
        self._checks = checks
        self._root = root
        self._limit_s = limit_s
        self._loading = False
        self._began = time.monotonic()

    def run(self, deadline: float) -> list[int]:
        """Returns the positions that are not done."""
        process, waiting = self._process, self._waiting
        process.send(self._request())
        while self._done < len(waiting) and not self.over:
            until = min(self._began + (LOAD_LIMIT_S if self._loading else self._limit_s), deadline)
            lines = process.turn(waiting[self._done], until - time.monotonic())
            if lines is None:
                self._died()
            elif lines:
                self._take(lines)
            elif time.monotonic() >= until:
                self._stop(late=until == deadline)
        process.drain()
        return [at for at in waiting[self._done :] if self._made[at] is None]

    def printed(self) -> dict[int, str]:
        """What the code printed, by position."""
        return {at: text.decode("utf-8", "replace") for at, text in self._process.printed.items()}

    def _request(self) -> bytes:
        paths: dict[str | None, str] = {}
        lines: list[str] = []
        for at in self._waiting:
            device_type, _, text = self._calls[at]
            path = paths.get(device_type.processor)
            if path is None:
                path = paths[device_type.processor] = jsontext.dumps(device_type.processor)
            if "\n" in text:  # in JSON, a blank
                text = text.replace("\n", " ")
            lines.append(f"[{at},{path},{text}]\n")
        return "".join(lines).encode("ascii")

    def _take(self, lines: Sequence[str]) -> None:
        waiting, calls, made, kept = self._waiting, self._calls, self._made, self._checks.kept
        for line in lines:
            if self.over or self._done == len(waiting):
                break
            at = waiting[self._done]
            fields = line.split("\t", 2)
            try:
                if fields[0] != str(at):
                    raise Foreign
                if len(fields) == 3 and fields[1] == "k":
                    made[at] = [kept(calls[at], fields[2])]
                    self._done += 1
                else:
                    self._take_other(at, line.split("\t")[1:])
            except Foreign:
                self.over = True
                if self._done and fields[0] == str(waiting[self._done - 1]):
                    break  # the code had written a line for the event before: this is the program's
                self._fail("it wrote into the pipe of its process", "The code wrote into its process's pipe.")
            except ValueError as error:
                self._fail(_RETURNED, str(error))
        self._began = time.monotonic()

    def _take_other(self, at: int, fields: Sequence[str]) -> None:
        what, *rest = fields or [""]
        match what:
            case "r":
                self._made[at] = self._checks.results(self._calls[at], rest)
                self._done += 1
            case "e" | "x":
                self.over = what == "x"
                kind, text, frames = user_results.failure(rest)
                self._fail(kind or _RETURNED, text, frames, named=bool(kind))
            case "b":
                self._fail("the event's data is not JSON", "The data is not JSON.", final=True)
            case "l" | "L":
                self._loading = what == "l"
            case _:
                raise Foreign

    def _died(self) -> None:
        self.over = True
        self._process.end()
        how, frames = self._process.ended_by, self._process.crash
        self._fail(f"its process ended ({how})", f"The process ended by itself ({how}).", frames)

    def _stop(self, *, late: bool) -> None:
        """End a call that takes too long; `late`: by the time of the batch, not by its own."""
        frames = [] if late else self._process.stack()
        before = self._done
        self._take(self._process.end())
        self.over = True
        if late or self._done > before:
            return  # it may be done at the last moment
        limit = LOAD_LIMIT_S if self._loading else self._limit_s
        what = "loading its module" if self._loading else "a call"
        self.stuck = self._calls[self._waiting[before]][0].processor
        self._fail(
            f"{what} took longer than {limit:g} s",
            f"{what.capitalize()} took longer than {limit:g} s and was ended.",
            frames,
            final=not self._loading,
        )

    def _fail(
        self,
        kind: str,
        text: str,
        frames: Sequence[Frame] = (),
        *,
        named: bool = False,
        final: bool = False,
    ) -> None:
        said = f"{kind}: {text}" if named and text else text or kind
        detail = "\n".join([said, *_places(frames, self._root)])
        failed = Failure(kind, said, detail, final)
        at = self._waiting[self._done]
        self._made[at] = failed
        self._done += 1
        if self._loading and self.over:
            # The others of the processor would come to the same end.
            path = self._calls[at][0].processor
            for other in self._waiting[self._done :]:
                if self._calls[other][0].processor == path:
                    self._made[other] = failed


def _places(frames: Sequence[Frame], root: Path) -> list[str]:
    """The frames in the package, each with its source line; a file elsewhere is not read."""
    places: list[str] = []
    for file, line, function in frames:
        path = Path(file).resolve()
        if path.is_relative_to(root):
            linecache.checkcache(str(path))
            source = linecache.getline(str(path), line).strip()
            where = f", in {function}" if function else ""
            place = f"{path.relative_to(root)}, line {line}{where}: {source}"[:300]
            if not places or places[-1] != place:  # a recursion
                places.append(place)
    return places[-_MOST_FRAMES:]
