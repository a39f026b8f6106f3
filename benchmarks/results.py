"""What a benchmark gives: its figures, and the tables that they stand in."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """A table of docs/performance.md. `about` says what it means and what noise to expect, in sentences."""

    title: str
    about: str
    rows: str = ""
    """What the rows are: the heading of the first column."""


@dataclass(frozen=True, slots=True)
class Result:
    """One figure, in `unit`. `table` is a title; `row` and `name` place the figure there. `ratio` is that to
    what `to` names; None: there is nothing to compare with.
    """

    table: str
    row: str
    name: str
    figure: float
    unit: str
    ratio: float | None = None
    to: str = ""

    def __str__(self) -> str:
        against = f"{number(self.ratio):>8} x {self.to}" if self.ratio is not None else ""
        return f"{self.row:<32} {self.name:<24} {number(self.figure):>10} {self.unit:<14} {against}".rstrip()


def number(value: float) -> str:
    """Three significant digits, and all of them before the point."""
    digits = 2 - math.floor(math.log10(abs(value))) if value else 0
    return f"{value:,.{max(0, digits)}f}"
