"""What every command is given: which twin, where its stacks are, and where results go."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from twinspan.twinfile import checked, output_folder, same_twin_file, twin_file

if TYPE_CHECKING:
    from twinspan.config import Config

ROOT = Path(__file__).resolve().parents[1]
"""The folder of the repository."""


@dataclass
class Session:
    """One run of the command.

    With `as_json`, standard output is one JSON document (`result`, `stream`), and text for people goes to
    standard error.
    """

    twin: Path | None = None
    """The file that `--twin` names."""
    as_json: bool = False
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    out: Path = field(default_factory=lambda: output_folder(os.environ))
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)

    @property
    def selection(self) -> Mapping[str, str]:
        """The environment, with `--twin` as TWIN."""
        return {**self.environment, "TWIN": str(self.twin)} if self.twin else self.environment

    def file(self) -> Path:
        """The twin's file, for commands that touch nothing that is deployed."""
        return twin_file(self.selection, root=ROOT)

    def deployed_file(self) -> Path:
        """The twin's file, for commands on stacks that may be deployed. Raises `WrongTwin`."""
        return same_twin_file(self.selection, root=ROOT, out=self.out)

    @cached_property
    def config(self) -> Config:
        """The checked configuration of `deployed_file`. Raises `ConfigErrors` and `WrongTwin`."""
        return checked(self.deployed_file())

    @property
    def people(self) -> TextIO:
        """Where text for people goes."""
        return self.stderr if self.as_json else self.stdout

    def say(self, text: str = "") -> None:
        """Print text for people."""
        print(text, file=self.people, flush=True)

    def page(self, lines: Sequence[str]) -> None:
        """Print a page for people. On a terminal its headings, the lines before indented ones, are bold."""
        if not self.people.isatty():
            self.say("\n".join(lines))
            return
        from rich.console import Console
        from rich.text import Text

        console = Console(file=self.people, highlight=False)
        for line, following in zip(lines, [*lines[1:], ""], strict=True):
            heading = following[:1] == " " != line[:1]
            console.print(Text(line, style="bold" if heading else ""), soft_wrap=True)

    def warn(self, text: str) -> None:
        """Print a warning to standard error."""
        print(text, file=self.stderr, flush=True)

    def result(self, document: Mapping[str, Any]) -> None:
        """Print the command's JSON document, where `--json` asks for it."""
        if self.as_json:
            print(json.dumps(document, ensure_ascii=False, indent=1), file=self.stdout, flush=True)

    def stream(self, name: str) -> Stream:
        """Begin a JSON document whose list `name` may be long."""
        return Stream(self.stdout, name)


class Stream:
    """A JSON document with a list, each item on a line of its own as soon as it is there.

    A document that `end` does not complete is not valid JSON, and the exit status is not 0.
    """

    def __init__(self, out: TextIO, name: str) -> None:
        self._out = out
        self._before = f"{{{json.dumps(name)}: ["

    def add(self, item: Mapping[str, Any]) -> None:
        """Print an item."""
        self.line(json.dumps(item, ensure_ascii=False))

    def line(self, item: str) -> None:
        """Print an item that is JSON on one line already."""
        print(f"{self._before}\n {item}", end="", file=self._out, flush=True)
        self._before = ","

    def end(self, **fields: Any) -> None:
        """Complete the document with further fields."""
        rest = "".join(f",\n{json.dumps(key)}: {json.dumps(value)}" for key, value in fields.items())
        head = "" if self._before == "," else self._before
        print(f"{head}\n]{rest}}}", file=self._out, flush=True)
