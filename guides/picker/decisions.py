"""Decision tables: facts about every combination of some choices, each stored by the few choices that decide
it. `deciding.py` makes them.

A table is small enough to lie in a page, and answers by look-up alone: whoever reads it needs none of the
rules that it was made from.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Value = str | int
Choices = Mapping[str, str]
"""A choice for each factor, by the factors' names."""
Facts = Mapping[str, Value]
"""What holds for a combination: values by the facts' names. A fact that does not hold is left out."""
Part = str | tuple[str, str]
"""A piece of a text: a fact, whose value it is, or a group and a text that stands when a fact of it holds."""

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Factor:
    """Something to choose, and the choices."""

    name: str
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """How some choices decide: a digit for each of their combinations, the last factor's turning fastest. The
    digit is the position of the fact's value.
    """

    on: tuple[int, ...]
    cells: str


@dataclass(frozen=True)
class Table:
    """Facts by name, and groups of facts that are looked at together.

    A fact is its pattern and the positions of its values. `values[0]` is None: the fact does not hold.
    """

    factors: tuple[Factor, ...]
    patterns: tuple[Pattern, ...]
    values: tuple[Value | None, ...]
    facts: Mapping[str, tuple[int, ...]]
    groups: Mapping[str, tuple[str, ...]]
    texts: Mapping[str, tuple[Part, ...]]

    @cached_property
    def _positions(self) -> tuple[Mapping[str, int], ...]:
        return tuple({choice: i for i, choice in enumerate(factor.choices)} for factor in self.factors)

    def value(self, fact: str, choices: Choices) -> Value | None:
        """The fact's value for these choices; None when it does not hold. KeyError for an unknown fact or
        choice."""
        pattern, *values = self.facts[fact]
        return self.values[values[self._digit(self.patterns[pattern], choices)]]

    def all(self, choices: Choices) -> Facts:
        """Every fact that holds for these choices."""
        digits = [self._digit(pattern, choices) for pattern in self.patterns]
        found = {
            name: self.values[values[digits[pattern]]] for name, (pattern, *values) in self.facts.items()
        }
        return {name: value for name, value in found.items() if value is not None}

    def _digit(self, pattern: Pattern, choices: Choices) -> int:
        at = 0
        for i in pattern.on:
            factor = self.factors[i]
            at = at * len(factor.choices) + self._positions[i][choices[factor.name]]
        return DIGITS.index(pattern.cells[at])

    def holding(self, group: str, choices: Choices) -> Iterator[Value]:
        """The values of a group's facts that hold, in the order of the group."""
        found = (self.value(fact, choices) for fact in self.groups[group])
        return (value for value in found if value is not None)

    def any(self, group: str, choices: Choices) -> bool:
        """Whether a fact of the group holds."""
        return next(self.holding(group, choices), None) is not None

    def count(self, group: str, choices: Choices) -> int:
        """How many facts of the group hold."""
        return sum(1 for _ in self.holding(group, choices))

    def sum(self, group: str, choices: Choices) -> int:
        """The sum of a group's numbers."""
        return sum(int(value) for value in self.holding(group, choices))

    def least(self, groups: Iterable[str], choices: Choices) -> str:
        """The group with the smallest sum; the first of equal ones."""
        return min(groups, key=lambda group: self.sum(group, choices))

    def text(self, name: str, choices: Choices) -> str:
        """A text for these choices: what holds of its parts, joined."""
        parts = (self._part(part, choices) for part in self.texts[name])
        return "".join(str(part) for part in parts if part is not None)

    def _part(self, part: Part, choices: Choices) -> Value | None:
        if isinstance(part, str):
            return self.value(part, choices)
        group, text = part
        return text if self.any(group, choices) else None

    def decided_by(self, fact: str) -> tuple[str, ...]:
        """The factors that decide a fact."""
        return tuple(self.factors[i].name for i in self.patterns[self.facts[fact][0]].on)

    def data(self) -> dict[str, Any]:
        """The table as plain data, for JSON. The facts of a group are numbered, in the order of all facts."""
        numbers = {name: number for number, name in enumerate(self.facts)}
        return {
            "factors": [[factor.name, list(factor.choices)] for factor in self.factors],
            "patterns": [[list(pattern.on), pattern.cells] for pattern in self.patterns],
            "values": list(self.values),
            "facts": {name: list(fact) for name, fact in self.facts.items()},
            "groups": {name: [numbers[fact] for fact in members] for name, members in self.groups.items()},
            "texts": {
                name: [part if isinstance(part, str) else list(part) for part in parts]
                for name, parts in self.texts.items()
            },
        }

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "Table":
        """The table of such plain data."""
        names = list(data["facts"])
        return cls(
            tuple(Factor(name, tuple(choices)) for name, choices in data["factors"]),
            tuple(Pattern(tuple(on), cells) for on, cells in data["patterns"]),
            tuple(data["values"]),
            {name: tuple(fact) for name, fact in data["facts"].items()},
            {name: tuple(names[number] for number in members) for name, members in data["groups"].items()},
            {
                name: tuple(part if isinstance(part, str) else (part[0], part[1]) for part in parts)
                for name, parts in data["texts"].items()
            },
        )
