"""What a million events cost in one cloud, item by item, for the guides."""

from collections.abc import Iterable
from dataclasses import dataclass

from guides import twins, words
from guides.prices import events
from guides.prices.amounts import number, usd
from guides.prices.table import Price
from twin_runtime.roles import Cloud


@dataclass(frozen=True, slots=True)
class Line:
    """Something that is billed. `amount` is in the unit of the price, or in words; `optional` says that the
    event system alone brings it.
    """

    part: str
    price: Price
    amount: str
    usd: str
    optional: bool


@dataclass(frozen=True, slots=True)
class Total:
    """USD per million events under a set of assumptions, of which the sentence tells the first."""

    sentence: str
    without_events: str
    with_events: str


@dataclass(frozen=True, slots=True)
class Bill:
    """The bill of a twin that is all in one cloud: per million events, and by the month."""

    totals: tuple[Total, ...]
    lines: tuple[Line, ...]
    month: tuple[Line, ...]
    free: tuple[tuple[str, str], ...]
    """Parts that events cost nothing, and why."""
    sentences: tuple[str, ...]


def bill(cloud: Cloud) -> Bill:
    """The bill, with the event system and without."""
    topology = twins.topology(twins.SINGLE[cloud])
    without, found = (events.items(topology, events=flag) for flag in (False, True))
    fixed, idle = (events.fixed(topology, events=flag) for flag in (True, False))
    return Bill(
        totals=tuple(_total(cloud, name) for name in events.SETS),
        lines=tuple(_line(each, number(each.amount), without) for each in found),
        month=tuple(_line(each, each.text, idle) for each in fixed),
        free=tuple((words.part(each.part), each.reason) for each in events.free(topology, events=True)),
        sentences=events.sentences(),
    )


def _total(cloud: Cloud, name: str) -> Total:
    topology = twins.topology(twins.SINGLE[cloud])
    without, with_events = (events.total(events.items(topology, flag, name)) for flag in (False, True))
    return Total(events.sentences(name)[0], usd(without), usd(with_events))


def _line(
    each: events.Item | events.Fixed, amount: str, others: Iterable[events.Item | events.Fixed]
) -> Line:
    """Optional is what none of the others is of the same part and price with."""
    optional = all((each.part, each.price) != (other.part, other.price) for other in others)
    return Line(words.part(each.part), each.price, amount, usd(each.usd), optional)
