"""What a million rows cost in each tier of each cloud, by the list prices of `storage.toml`."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from guides.prices.table import GB, Table, read
from twin_runtime.roles import Cloud

TIERS = ("hot", "cold", "archive")
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Files:
    """How rows lie in files: how many in one, and the bytes of one row in it, compressed. `puts` are the
    requests that write a file of the cold tier with what the index says of it.
    """

    rows: int
    bytes_per_row: Decimal
    puts: int = 1


@cache
def table() -> Table:
    """The prices of storage."""
    return read("storage")


def hot_month(prices: Table, cloud: Cloud, bytes_per_row: Decimal) -> Decimal:
    """USD that a million rows cost in the hot store for a month, continuous backup included."""
    billed = bytes_per_row * MILLION / GB
    items = (prices.find(cloud, "hot", item) for item in ("storage", "recovery"))
    return billed * sum((price.each for price in items if price), Decimal(0))


def files_month(prices: Table, cloud: Cloud, tier: str, files: Files) -> Decimal:
    """USD that a million rows cost in files of the cold or archive tier for a month.

    A file below the class's smallest billed size costs as that size. `own_overhead` bytes a file are billed
    in the class itself, `standard_overhead` bytes in the standard class.
    """
    size = max(files.bytes_per_row * files.rows, Decimal(prices.fact(cloud, tier, "minimum_bytes")))
    size += prices.fact(cloud, tier, "own_overhead")
    month = size * _each(prices, cloud, tier, "storage")
    if overhead := prices.fact(cloud, tier, "standard_overhead"):
        month += overhead * _each(prices, cloud, "standard", "storage")
    return month / GB * MILLION / files.rows


def moving_in(prices: Table, cloud: Cloud, tier: str, files: Files, *, by_rule: bool = False) -> Decimal:
    """USD that bringing a million rows into a tier costs once in requests that write.

    Those of the index cost about half as much as a file's, and are put at its price. The archive has none.
    `by_rule`: a lifecycle rule moves the files inside a cloud, in place of a writer.
    """
    item = "transition" if by_rule else "put"
    requests = files.puts if tier == "cold" else 1
    return _each(prices, cloud, tier, item) * requests * MILLION / files.rows


def _each(prices: Table, cloud: Cloud, tier: str, item: str) -> Decimal:
    price = prices.find(cloud, tier, item)
    if price is None:
        raise KeyError(f"storage.toml has no price of {cloud}.{tier}.{item}.")
    return price.each
