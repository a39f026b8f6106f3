"""When a metric is red: where a rule on its device type could fire by it."""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from twin_runtime.values import ValueType
from twinspan.config.events import AllOf, AnyOf, Comparison, Rule

GOOD = "green"
BAD = "red"
Condition = Comparison | AllOf | AnyOf
Value = bool | int | float | str
Keep = Callable[[Comparison], bool]
_EQUALITY = ("equals", "not_equals")
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "above": operator.gt,
    "below": operator.lt,
    "at_least": operator.ge,
    "at_most": operator.le,
    "equals": operator.eq,
    "not_equals": operator.ne,
}


@dataclass(frozen=True, slots=True)
class Step:
    """A colour from `value` on; None is from the lowest value on."""

    value: int | float | None
    colour: str


def steps(metric: str, kind: ValueType, rules: Iterable[Rule]) -> list[Step]:
    """The colours of a number over its values.

    If a rule compares several metrics, only the comparison of this metric counts. Grafana's colours begin at
    their value, so that `above: 80` is drawn as `at_least: 80`; a single value of a fractional number is not
    drawn.
    """
    conditions = _on(metric, rules)
    if not kind.spec.whole:
        conditions = _pruned(conditions, lambda found: found.operator not in _EQUALITY)
    ends = sorted({end for found in conditions for end in _ends(found)})
    if not ends:
        return [Step(None, GOOD)]
    single = {found.value for found in _comparisons(conditions) if found.operator in _EQUALITY}
    made = [Step(None, _colour(conditions, ends[0] - 1))]
    for low, high in pairwise([*ends, ends[-1] + 1]):
        colour = _colour(conditions, low if low in single else low + (high - low) / 2)
        if colour != made[-1].colour:
            made.append(Step(low, colour))
    return made


def states(metric: str, kind: ValueType, rules: Iterable[Rule]) -> tuple[dict[str, str], str]:
    """The colours of the values of a boolean, or of those of a text that the rules name; and the colour of
    any other.
    """
    conditions = _on(metric, rules)
    if kind is ValueType.BOOLEAN:
        return {str(value).lower(): _colour(conditions, value) for value in (False, True)}, GOOD
    named = sorted({str(found.value) for found in _comparisons(conditions)})
    other = "\0".join(("", *named))  # equal to none of them
    return {value: _colour(conditions, value) for value in named}, _colour(conditions, other)


def mentions(metric: str, rule: Rule) -> bool:
    """Whether the rule looks at the metric."""
    return bool(_on(metric, [rule]))


def sentence(condition: Condition) -> str:
    """`temperature above 80 and (humidity below 20 or open equals true)`."""
    if isinstance(condition, Comparison):
        value = str(condition.value).lower() if isinstance(condition.value, bool) else condition.value
        return f"{condition.metric} {condition.operator.replace('_', ' ')} {value}"
    parts, word = (condition.all, " and ") if isinstance(condition, AllOf) else (condition.any, " or ")
    return word.join(
        sentence(part) if isinstance(part, Comparison) or len(parts) == 1 else f"({sentence(part)})"
        for part in parts
    )


def _on(metric: str, rules: Iterable[Rule]) -> list[Condition]:
    return _pruned([rule.when for rule in rules], lambda found: found.metric == metric)


def _pruned(conditions: Sequence[Condition], keep: Keep) -> list[Condition]:
    """The conditions without the comparisons that are not kept; one of which nothing is left goes, too."""
    left: list[Condition] = []
    for condition in conditions:
        if isinstance(condition, Comparison):
            if keep(condition):
                left.append(condition)
        elif isinstance(condition, AllOf):
            if parts := _pruned(condition.all, keep):
                left.append(AllOf(all=tuple(parts)))
        elif parts := _pruned(condition.any, keep):
            left.append(AnyOf(any=tuple(parts)))
    return left


def _comparisons(conditions: Iterable[Condition]) -> Iterator[Comparison]:
    for condition in conditions:
        if isinstance(condition, Comparison):
            yield condition
        else:
            yield from _comparisons(condition.all if isinstance(condition, AllOf) else condition.any)


def _ends(condition: Condition) -> Iterator[int | float]:
    """Where the answer to a condition may change."""
    for found in _comparisons([condition]):
        if not isinstance(found.value, str):
            yield found.value
            if found.operator in _EQUALITY:
                yield found.value + 1


def _colour(conditions: Iterable[Condition], value: Value) -> str:
    return BAD if any(_holds(condition, value) for condition in conditions) else GOOD


def _holds(condition: Condition, value: Value) -> bool:
    if isinstance(condition, AllOf):
        return all(_holds(part, value) for part in condition.all)
    if isinstance(condition, AnyOf):
        return any(_holds(part, value) for part in condition.any)
    return _OPERATORS[condition.operator](value, condition.value)
