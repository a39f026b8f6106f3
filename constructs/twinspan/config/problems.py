"""Problems of a twin.yaml: a sentence for each, and one exception that carries all of them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_MOST_SHOWN = 200
_EQUAL_SHOWN = 3
_INDEX = re.compile(r"\[\d+\]")


@dataclass(frozen=True)
class Problem:
    """One problem. `field` is the path as in the file; `message` says what was given and how to fix it.

    >>> str(Problem("devices[2].type", "'valve' is not a device type of this file; use thermostat", line=31))
    "line 31, devices[2].type: 'valve' is not a device type of this file; use thermostat"
    """

    field: str
    message: str
    line: int | None = None
    file: str | None = None
    """The file that twin.yaml extends in which the field stands, None for twin.yaml itself."""

    def __str__(self) -> str:
        return f"{self.where}{self.field}: {self.message}"

    @property
    def where(self) -> str:
        """File and line, each where it says more than the field does."""
        parts = (self.file, f"line {self.line}" if self.line else None)
        return "".join(f"{part}, " for part in parts if part)


class Refusal(ValueError):
    """Raised by a validator; its text is the message that the user reads."""


class ConfigErrors(Exception):
    """All problems of one twin.yaml. `str()` is the text for the terminal."""

    def __init__(self, path: Path, problems: Iterable[Problem]) -> None:
        self.path = path
        self.problems = tuple(problems)
        super().__init__(path, self.problems)

    def __str__(self) -> str:
        count = len(self.problems)
        lines = [f"{self.path} has {count} problem{'' if count == 1 else 's'}:"]
        listed = list(self._listed())
        lines += [f"  {text}" for text in listed[:_MOST_SHOWN]]
        if len(listed) > _MOST_SHOWN:
            lines.append(f"  … and {len(listed) - _MOST_SHOWN} more")
        # A path may hold bytes that are no text; the terminal must still get the rest.
        return "\n".join(lines).encode("utf-8", "backslashreplace").decode()

    def _listed(self) -> Iterator[str]:
        """The problems; many that differ in the index alone hide no other."""
        alike: dict[tuple[str, str], list[Problem]] = {}
        for problem in self.problems:
            alike.setdefault((_INDEX.sub("[]", problem.field), problem.message), []).append(problem)
        for equal in alike.values():
            yield from map(str, equal[:_EQUAL_SHOWN])
            if more := equal[_EQUAL_SHOWN:]:
                last = more[-1]
                yield f"… and {len(more)} times the same, the last one at {last.where}{last.field}"
