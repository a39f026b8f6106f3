"""Making a decision table: which choices decide each fact, and what it is for each of their combinations."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from types import MappingProxyType

from guides.picker.decisions import DIGITS, Choices, Factor, Facts, Part, Pattern, Table, Value

Point = tuple[int, ...]
"""A combination: the position of the choice of each factor."""


class UndecidedError(Exception):
    """A fact is not decided by choices that changes of one at a time show; the text names it."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where facts come from: a function of the choices. One of each `stride` combinations is looked at first;
    a prime, so that these are spread over all factors.
    """

    facts_of: Callable[[Choices], Facts]
    stride: int


def decide(
    factors: Iterable[Factor],
    sources: Iterable[Source],
    *,
    base: Choices,
    valid: Callable[[Choices], bool] = lambda _: True,
    groups: Callable[[Iterable[str]], Mapping[str, Iterable[str]]] = lambda _: {},
    texts: Mapping[str, Iterable[Part]] = MappingProxyType({}),
) -> Table:
    """The table of what the sources say. `base` is a valid combination that stays valid when a single choice
    is changed; `groups` gets the names of all facts.

    What decides a fact is found by changing one choice at a time, from combinations spread over all, and from
    those that contradict what was found so far. Raises `UndecidedError` where that does not settle it.
    """
    factors = tuple(factors)
    patterns: dict[Pattern, int] = {}
    values: dict[Value | None, int] = {None: 0}
    facts: dict[str, tuple[int, ...]] = {}
    for source in sources:
        search = _Search(factors, source, base, valid)
        for name, on in search.deciding().items():
            found = search.around(name, on)
            own = {value: i for i, value in enumerate(dict.fromkeys(found))}
            if len(own) > len(DIGITS):
                raise UndecidedError(f"{name} has {len(own)} values, and a table holds {len(DIGITS)}")
            pattern = Pattern(on, "".join(DIGITS[own[value]] for value in found))
            number = patterns.setdefault(pattern, len(patterns))
            facts[name] = (number, *(values.setdefault(value, len(values)) for value in own))
    return Table(
        factors,
        tuple(patterns),
        tuple(values),
        facts,
        {name: tuple(members) for name, members in groups(facts).items()},
        {name: tuple(parts) for name, parts in texts.items()},
    )


class _Search:
    """Combinations that were looked at, and what holds for them."""

    def __init__(
        self,
        factors: tuple[Factor, ...],
        source: Source,
        base: Choices,
        valid: Callable[[Choices], bool],
    ) -> None:
        self.factors, self.source, self.valid = factors, source, valid
        self.sizes = [len(factor.choices) for factor in factors]
        self.base: Point = tuple(factor.choices.index(base[factor.name]) for factor in factors)
        self.seen: dict[Point, Facts | None] = {}
        self.changed: set[Point] = set()

    def facts(self, point: Point) -> Facts | None:
        """What holds at a point; None where the point is not valid."""
        if point not in self.seen:
            choices = self._choices(point)
            self.seen[point] = self.source.facts_of(choices) if self.valid(choices) else None
        return self.seen[point]

    def deciding(self) -> Mapping[str, tuple[int, ...]]:
        """The factors that decide each fact, by the facts' sorted names."""
        found: dict[str, set[int]] = {}
        points = set(self._spread())
        while True:
            for point in sorted(points):
                self._change(point, found)
            settled = {name: tuple(sorted(on)) for name, on in sorted(found.items())}
            points = self._contradictions(settled)
            if not points:
                return settled

    def _change(self, point: Point, found: dict[str, set[int]]) -> None:
        """Add the factors of which a change alone, from this point, changes facts."""
        facts = self.facts(point) or {}
        for name in facts:
            found.setdefault(name, set())
        for i, size in enumerate(self.sizes):
            for choice in range(size):
                other = self.facts((*point[:i], choice, *point[i + 1 :]))
                changed = facts.items() ^ other.items() if other is not None else ()
                for name, _ in changed:
                    found.setdefault(name, set()).add(i)

    def around(self, name: str, on: tuple[int, ...]) -> list[Value | None]:
        """A fact's value at the base with every combination of the choices of some factors."""
        ranges = [range(size) if i in on else (self.base[i],) for i, size in enumerate(self.sizes)]
        return [(self.facts(point) or {}).get(name) for point in product(*ranges)]

    def _contradictions(self, deciding: Mapping[str, tuple[int, ...]]) -> set[Point]:
        """Points that agree in what decides a fact, and not in the fact. Raises `UndecidedError` when no
        change from them would show what else decides it.
        """
        names: dict[tuple[int, ...], list[str]] = {}
        for name, on in deciding.items():
            names.setdefault(on, []).append(name)
        valid = [(point, facts) for point, facts in self.seen.items() if facts is not None]
        found: set[Point] = set()
        unsettled: set[str] = set()
        for on, undecided in names.items():
            first: dict[Point, tuple[Point, Facts]] = {}
            for point, facts in valid:
                other, before = first.setdefault(tuple([point[i] for i in on]), (point, facts))
                if facts is before:
                    continue
                if unlike := [name for name in undecided if facts.get(name) != before.get(name)]:
                    found |= {point, other}
                    unsettled.update(unlike)
        if found and found <= self.changed:
            raise UndecidedError(f"{', '.join(sorted(unsettled))}: no single change shows what decides it")
        self.changed |= found
        return found

    def _spread(self) -> Iterator[Point]:
        """Valid combinations, spread over all."""
        for number in range(0, prod(self.sizes), self.source.stride):
            left, point = number, ()
            for size in reversed(self.sizes):
                left, choice = divmod(left, size)
                point = (choice, *point)
            if self.facts(point) is not None:
                yield point

    def _choices(self, point: Point) -> Choices:
        return {factor.name: factor.choices[i] for factor, i in zip(self.factors, point, strict=True)}
