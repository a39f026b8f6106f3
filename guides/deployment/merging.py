"""What a single-cloud twin and one that crosses clouds have in common, and what only one of them has."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from guides import facts
from guides.resource_types import known

Only = Literal["", "single", "multi"]
"""Which of the twins has something; empty: both."""
T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Marked(Generic[T]):
    """A fact, and which twins it holds in."""

    value: T
    only: Only


def merged(single: Sequence[T], multi: Sequence[T]) -> tuple[Marked[T], ...]:
    """Each fact once: those of the single-cloud twin in its order, then those of the other alone."""
    both = set(single) & set(multi)
    here = (Marked(each, "" if each in both else "single") for each in dict.fromkeys(single))
    there = (Marked(each, "multi") for each in dict.fromkeys(multi) if each not in both)
    return (*here, *there)


@dataclass(frozen=True)
class FunctionFacts:
    """A role's function in one cloud, of both twins. `any_` is that of either, for what both agree on."""

    any_: facts.Function
    only: Only
    bounds: tuple[Marked[str], ...]
    triggers: tuple[Marked[facts.Trigger], ...]
    inputs: tuple[Marked[facts.Use], ...]
    outputs: tuple[Marked[facts.Use], ...]
    environment: tuple[Marked[facts.Variable], ...]
    permissions: tuple[Marked[facts.Permission], ...]
    retries: tuple[Marked[str], ...]
    dead_letters: tuple[Marked[facts.Use], ...]

    @property
    def by_clock(self) -> bool:
        """Whether it runs again by itself, so that nobody need hear of a run that failed."""
        return any(each.value.kind == "schedule" for each in self.triggers)


def function(single: facts.Function | None, multi: facts.Function | None) -> FunctionFacts:
    """The facts of a function that one of the twins has, or both."""
    any_ = single or multi
    if any_ is None:
        raise ValueError("neither twin has the function")
    # A function that one twin alone has is marked as a whole.
    a, b = single or any_, multi or any_
    return FunctionFacts(
        any_=any_,
        only="" if single and multi else "single" if single else "multi",
        bounds=merged(bounds(a), bounds(b)),
        triggers=merged(a.triggers, b.triggers),
        inputs=merged(a.inputs, b.inputs),
        outputs=merged(a.outputs, b.outputs),
        environment=merged(a.environment, b.environment),
        permissions=merged(a.permissions, b.permissions),
        retries=merged(a.retries, b.retries),
        dead_letters=merged(a.dead_letters, b.dead_letters),
    )


def bounds(function: facts.Function) -> tuple[str, ...]:
    """Runtime, memory, time and further limits, as short texts."""
    return (function.runtime, f"{function.memory_mb} MB", f"{function.timeout_s} s", *function.limits)


@dataclass(frozen=True, slots=True)
class Names:
    """Resources of one type that are alike in which twins have them, and in whether the flag turns them off.

    A name is what follows the type in the address.
    """

    only: Only
    optional: bool
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TypeRow:
    """The resources of one Terraform type; `single` and `multi` are how many each twin has."""

    kind: str
    what: str
    groups: tuple[Names, ...]
    single: int
    multi: int


Resources = Mapping[str, tuple[facts.Resource, ...]]


def rows(single: Resources, multi: Resources) -> tuple[TypeRow, ...]:
    """A row per type, by name, those of the single-cloud twin first. KeyError for a type that no table
    has.
    """
    kinds = sorted({*single, *multi}, key=lambda kind: (kind not in single, kind))
    return tuple(_row(kind, single.get(kind, ()), multi.get(kind, ())) for kind in kinds)


def _row(kind: str, single: Iterable[facts.Resource], multi: Iterable[facts.Resource]) -> TypeRow:
    here, there = ({_name(each): each.optional for each in resources} for resources in (single, multi))
    groups: dict[tuple[Only, bool], list[str]] = {}
    for name, optional in sorted({**there, **here}.items()):
        only: Only = "" if name in here and name in there else "single" if name in here else "multi"
        groups.setdefault((only, optional), []).append(name)
    return TypeRow(
        kind=kind,
        what=known()[kind].what,
        groups=tuple(Names(*key, tuple(names)) for key, names in sorted(groups.items())),
        single=len(here),
        multi=len(there),
    )


def _name(resource: facts.Resource) -> str:
    return resource.address.partition(".")[2]
