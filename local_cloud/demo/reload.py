"""Takes processors up anew when their files are saved, while a demonstration is kept running."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from local_cloud.cloud import LocalCloud
from local_cloud.demo.screen import Screen
from simulator import trial
from twin_runtime.roles import Role
from twinspan import packaging, usercode, vendoring
from twinspan.config import Config, Problem
from twinspan.config.checks import files
from twinspan.config.problems import Refusal
from twinspan.config.text import field_of

_POLL_S = 0.5
Stamp = tuple[int, int, int]


class Reload:
    """Looks at the files of a twin's processors. `folder` is for packages; `screen` is told what happens."""

    def __init__(self, config: Config, twin: LocalCloud, *, folder: Path, screen: Screen) -> None:
        self._config = config
        self._twin = twin
        self._folder = folder
        self._screen = screen
        self._taken = self._stamps()
        self._seen = self._taken

    @property
    def files(self) -> list[str]:
        """The watched files that are there, as twin.yaml names them."""
        return [self._name(path) for path, stamp in self._taken.items() if stamp]

    def run(self) -> None:
        """Watch until this thread is interrupted."""
        while True:
            time.sleep(_POLL_S)
            self.look()

    def look(self) -> None:
        """Take up what was saved since the last look but one: an editor may still be writing."""
        now = self._stamps()
        settled, self._seen = now == self._seen, now
        if not settled or now == self._taken:
            return
        changed = [path for path in now.keys() | self._taken.keys() if now.get(path) != self._taken.get(path)]
        names = ", ".join(sorted(map(self._name, changed)))
        self._taken = now
        try:
            problems = [str(problem) for problem in self._problems()]
            package = None if problems else self._package()
        except vendoring.PackagesError as error:
            problems, package = [str(error)], None
        if package is None:
            self._screen.step(f"{names}: saved with an error; the code before goes on")
            for text in problems:
                self._screen.line(f"         {text}")
            return
        self._twin.replace(Role.PROCESSOR, package)
        self._screen.step(f"{names}: taken up by the processor")

    def _problems(self) -> Iterator[Problem]:
        found = list(files.check(self._config.as_written(), self._config.folder))
        yield from (Problem(field_of(path), message) for path, message in found if path[-1] != "workflow")
        if not found:
            problems = list(usercode.problems(self._config, fetch=True))
            yield from problems or trial.problems(self._config)

    def _package(self) -> Path:
        made = packaging.build(self._config, self._config.layers.processing, self._folder)
        return made.of(Role.PROCESSOR).path

    def _stamps(self) -> dict[Path, Stamp | None]:
        """Whether each file is another than before: its inode, time and size; None for one that is gone."""
        return {path: _stamp(path) for path in self._paths()}

    def _paths(self) -> Iterator[Path]:
        for name, device_type in self._config.device_types.items():
            for named in (device_type.processor, device_type.requirements):
                if named:
                    yield self._config.path_of(named)
            if device_type.processor:
                try:
                    siblings = usercode.sources(self._config, name).siblings
                except (Refusal, SyntaxError):
                    continue  # what is watched otherwise is reported when it is taken up
                yield from map(self._config.path_of, siblings)

    def _name(self, path: Path) -> str:
        return path.relative_to(self._config.folder).as_posix()


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
