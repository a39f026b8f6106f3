"""What a million events cost in one cloud, item by item, for the guides."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from guides import twins, words
from guides.prices import events
from guides.prices.table import Price
from twin_runtime.roles import Cloud

_CENT = Decimal("0.01")


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
        lines=tuple(
            Line(part(each.part), each.price, number(each.amount), usd(each.usd), _missing(each, without))
            for each in found
        ),
        month=tuple(
            Line(part(each.part), each.price, each.text, usd(each.usd), _missing(each, idle))
            for each in fixed
        ),
        free=tuple((part(each.part), each.reason) for each in events.free(topology, events=True)),
        sentences=events.sentences(),
    )


def part(name: str) -> str:
    """What a part of a bill is called."""
    return words.TITLES.get(name) or name.removeprefix("link_").replace("_", " ").capitalize()


def usd(amount: Decimal) -> str:
    """An amount to the cent, or to two figures where it is less than a cent.

    >>> usd(Decimal("1.745")), usd(Decimal("0.000731")), usd(Decimal(0))
    ('1.75', '0.00073', '0')
    """
    if not amount:
        return "0"
    return f"{amount.quantize(_CENT, ROUND_HALF_UP):f}" if amount >= _CENT else f"{_figures(amount):f}"


def number(amount: Decimal) -> str:
    """A quantity with three figures at least.

    >>> number(Decimal("40000")), number(Decimal("0.0041095")), number(Decimal("142.374"))
    ('40,000', '0.0041', '142')
    """
    return f"{amount:,.0f}" if amount >= 100 else f"{_figures(amount).normalize():f}"


def _figures(amount: Decimal) -> Decimal:
    """Rounded to two figures."""
    return amount.quantize(Decimal(1).scaleb(amount.adjusted() - 1))


def _total(cloud: Cloud, name: str) -> Total:
    topology = twins.topology(twins.SINGLE[cloud])
    without, with_events = (events.total(events.items(topology, flag, name)) for flag in (False, True))
    return Total(events.sentences(name)[0], usd(without), usd(with_events))


def _missing(each: events.Item | events.Fixed, others: Iterable[events.Item | events.Fixed]) -> bool:
    """Whether none of the others is of the same part and price."""
    return all((each.part, each.price) != (other.part, other.price) for other in others)
