"""What the demonstration writes: plain lines, readable in a terminal and in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TextIO


class Screen:
    """Lines with the seconds since `began` in front where something happens."""

    def __init__(self, began: float, output: TextIO = sys.stdout) -> None:
        self._began = began
        self._output = output

    @property
    def elapsed(self) -> float:
        return time.time() - self._began

    def title(self, text: str) -> None:
        """The head of an act, at the second at which it begins."""
        self._write(f"\n{self.elapsed:.1f} s  {text}")

    def step(self, text: str) -> None:
        """One step, at the second at which it happened."""
        self._write(f"  {self.elapsed:6.1f} s  {text}")

    def line(self, text: str = "") -> None:
        self._write(f"  {text}" if text else "")

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Columns as wide as their longest cell; the first to the left, numbers to the right."""
        widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
        for row in (head, *rows):
            cells = [
                cell.ljust(width) if column == 0 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            self.line("   ".join(cells).rstrip())

    def _write(self, text: str) -> None:
        self._output.write(text + "\n")
        self._output.flush()
