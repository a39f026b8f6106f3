"""What is billed for events, one entry each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from guides.prices.table import UNITS, Price, Table, read
from twin_runtime.roles import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something that is billed. `part` is the id of a node (see `guides/dataflow`), or `link_<name>` for
    the data that goes from cloud to cloud.

    `quantity` is per million events, in single units of the price: requests, bytes, GB-seconds.
    """

    cloud: Cloud
    part: str
    quantity: Decimal
    price: Price

    @property
    def service(self) -> str:
        """What is billed, in the cloud's own names."""
        return self.price.service

    @property
    def amount(self) -> Decimal:
        """The quantity in the unit that the price is quoted for, `price.per`."""
        return self.quantity / UNITS[self.price.per]

    @property
    def usd(self) -> Decimal:
        """USD per million events."""
        return self.quantity * self.price.each


@cache
def table() -> Table:
    """The prices of what events use."""
    return read("events")


def total(found: Iterable[Item]) -> Decimal:
    """USD per million events."""
    return sum((item.usd for item in found), Decimal(0))


def by_part(found: Iterable[Item]) -> Mapping[str, Decimal]:
    """USD per million events of each part that has an item."""
    sums: dict[str, Decimal] = {}
    for item in found:
        sums[item.part] = sums.get(item.part, Decimal(0)) + item.usd
    return sums


def by_cloud(found: Iterable[Item]) -> Mapping[Cloud, Decimal]:
    """USD per million events on each cloud's bill."""
    sums: dict[Cloud, Decimal] = {}
    for item in found:
        sums[item.cloud] = sums.get(item.cloud, Decimal(0)) + item.usd
    return sums
