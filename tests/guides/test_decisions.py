"""Decision tables: what decides a fact is found, and the facts are read back."""

import json
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import pytest

from guides.picker.deciding import Source, UndecidedError, decide
from guides.picker.decisions import Choices, Factor, Facts, Table

FACTORS = tuple(Factor(name, ("x", "y", "z")) for name in "abcd")
BASE: Choices = dict.fromkeys("abcd", "x")
ALL = [dict(zip("abcd", choices, strict=True)) for choices in product("xyz", repeat=4)]


def table(facts_of: Callable[[Choices], Facts], stride: int = 7, base: Choices = BASE, **more: Any) -> Table:
    made = decide(FACTORS, [Source(facts_of, stride)], base=base, **more)
    return Table.of(json.loads(json.dumps(made.data())))


def some(choices: Choices) -> Facts:
    found: dict[str, str | int] = {"always": 1, "first": choices["a"]}
    if choices["b"] == choices["d"]:
        found["same"] = f"both {choices['b']}"
    if (choices["a"], choices["b"], choices["c"]) == ("z", "y", "z"):
        found["rare"] = 7
    return found


def test_a_fact_is_stored_by_the_factors_that_decide_it() -> None:
    found = table(some)
    decided = {name: "".join(found.decided_by(name)) for name in found.facts}
    assert decided == {"always": "", "first": "a", "same": "bd", "rare": "abc"}


def test_every_fact_is_read_back() -> None:
    found = table(some)
    for choices in ALL:
        assert found.all(choices) == some(choices)
        assert {name: found.value(name, choices) for name in some(choices)} == some(choices)


def test_combinations_that_are_refused_decide_nothing() -> None:
    """`d` means nothing beside a = x, so what it decides there is not asked for."""

    def valid(choices: Choices) -> bool:
        return choices["a"] != "x" or choices["d"] == "x"

    def facts_of(choices: Choices) -> Facts:
        assert valid(choices)
        return {"last": choices["d"]}

    found = table(facts_of, base={**BASE, "a": "y"}, valid=valid)
    assert found.decided_by("last") == ("d",)
    assert all(found.value("last", choices) == choices["d"] for choices in ALL if valid(choices))


def test_what_no_single_change_shows_is_an_error() -> None:
    """`a` and `b` are refused unless they are the same, so neither can be changed alone."""
    with pytest.raises(UndecidedError, match="first, same: no single change"):
        table(some, valid=lambda choices: choices["a"] == choices["b"])


def test_too_many_values_are_an_error() -> None:
    with pytest.raises(UndecidedError, match="place has 81 values"):
        table(lambda choices: {"place": str(choices)})


def test_groups_and_texts() -> None:
    def groups(names: object) -> Mapping[str, list[str]]:
        return {"all": ["always", "rare"], "rare": ["rare"]}

    found = table(some, groups=groups, texts={"said": ["first", ("rare", " and rare"), "same"]})
    common, rare = BASE, {"a": "z", "b": "y", "c": "z", "d": "x"}
    assert (found.count("all", common), found.sum("all", common), found.any("rare", common)) == (1, 1, False)
    assert (found.count("all", rare), found.sum("all", rare), found.any("rare", rare)) == (2, 8, True)
    assert found.text("said", common) == "xboth x"
    assert found.text("said", rare) == "z and rare"
    assert found.least(["all", "rare"], rare) == "rare"
    assert found.least(["all", "all"], rare) == "all"


def test_unknown_names_are_errors() -> None:
    found = table(some)
    with pytest.raises(KeyError):
        found.value("nothing", BASE)
    with pytest.raises(KeyError):
        found.value("first", {**BASE, "a": "w"})
