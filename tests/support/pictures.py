"""Pictures of what `twinspan` prints on a terminal, as SVG for documents."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout, suppress
from html import escape
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console
from rich.text import Text

from command.app import main
from support.twinspan_command import PATHS

FOLDER = Path(__file__).resolve().parents[2] / "docs"
PLAN, STATUS = FOLDER / "plan.svg", FOLDER / "status.svg"
_SPACE = "{http://www.w3.org/2000/svg}"
_ASPECT = 0.6
"""Width of a letter of a monospaced font, in its height."""
_FORMAT = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{width}} {{height}}" role="img" \
aria-labelledby="{{unique_id}}-title">
<title id="{{unique_id}}-title">{title}</title>
<style>
.{{unique_id}}-matrix {{{{
font: {{char_height}}px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}}}}
{{styles}}
</style>
{{chrome}}
<g transform="translate({{terminal_x}}, {{terminal_y}})">
{{backgrounds}}<g class="{{unique_id}}-matrix">
{{matrix}}
</g>
</g>
</svg>
"""
"""Rich's own format loads a font from a host."""


class Terminal(StringIO):
    """A stream that programs take for a terminal."""

    def isatty(self) -> bool:
        return True


def as_terminal(patch: pytest.MonkeyPatch) -> None:
    """Set the environment of a usual terminal."""
    patch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS"):
        patch.delenv(name, raising=False)


def printed(patch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    """Run the command in this process; its exit status and what it prints on a terminal, with ANSI codes."""
    as_terminal(patch)
    with redirect_stdout(Terminal()) as terminal, redirect_stderr(terminal):
        status = main(list(arguments))
    return status, terminal.getvalue()


def printed_apart(patch: pytest.MonkeyPatch, cwd: Path, *arguments: str) -> tuple[int, str]:
    """As `printed`, by a process of its own: clients of clouds outlive the twin that they were made for."""
    as_terminal(patch)
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as shown:
        running = subprocess.Popen(
            [sys.executable, "-m", "twinspan", *arguments],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": PATHS},
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        said = b""
        with suppress(OSError):  # which Linux answers once the other end is closed
            while piece := shown.read(4096):
                said += piece
    return running.wait(), said.decode().replace("\r\n", "\n")


def picture(command: str, said: str, *, title: str) -> str:
    """SVG of a terminal in which `command` printed `said`; `title` is read aloud in its place."""
    text = Text.from_ansi(f"$ {command}\n{said.rstrip()}")
    width = max(line.cell_len for line in text.split())
    console = Console(record=True, file=StringIO(), width=width, highlight=False, color_system="truecolor")
    console.print(text, soft_wrap=True)
    drawn = console.export_svg(
        title="",
        code_format=_FORMAT.format(title=escape(title)),
        font_aspect_ratio=_ASPECT,
        unique_id=command.replace(" ", "-"),
    )
    # A clip path for each line is half of the file, and no line is longer than the picture is wide.
    lines = re.sub(r' clip-path="[^"]*"', "", drawn).replace("</text><text", "</text>\n<text").splitlines()
    return "".join(f"{line.rstrip()}\n" for line in lines if line.strip())


def lines_of(svg: str) -> list[str]:
    """The lines of text that a picture shows, without the command."""
    found: dict[float, str] = {}
    for each in ElementTree.fromstring(svg).iter(f"{_SPACE}text"):
        y = float(each.attrib["y"])
        found[y] = found.get(y, "") + (each.text or "").replace("\xa0", " ")
    command, *lines = (found[y].rstrip() for y in sorted(found))
    assert command.startswith("$ twinspan ")
    return lines
