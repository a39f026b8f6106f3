"""A table of list prices: loaded, checked, asked by cloud, tier and item."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from tomllib import TOMLDecodeError, load
from typing import Any

from twin_runtime.roles import Cloud

FOLDER = Path(__file__).resolve().parent
GB = 2**30
TIB = 2**40
UNITS = {
    "GB-month": 1,
    "1,000 requests": 1_000,
    "10,000 requests": 10_000,
    "million requests": 1_000_000,
    "million messages": 1_000_000,
    "million request units": 1_000_000,
    "100,000 documents": 100_000,
    "1,000 operations": 1_000,
    "10,000 operations": 10_000,
    "million operations": 1_000_000,
    "1,000 steps": 1_000,
    "GB": GB,
    "TiB": TIB,
    "GB-second": 1,
    "vCPU-second": 1,
    "million minutes": 1_000_000,
    "hour": 1,
    "month": 1,
}
"""What prices are quoted for, and how many single units that is: of data a single unit is a byte. A GB is
2^30 bytes on every cloud's bill.
"""
_TEXTS = ("service", "source", "url", "checked")
_FIELDS = {"cloud", "tier", "item", "usd", "per", "date", *_TEXTS}


class PriceError(Exception):
    """A table is wrong; the text names the entry and the fix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """One entry. `usd` is the price of `per`, one of `UNITS`.

    `date` is when the figure was published, or read where its source carries no date; `checked` says in what.
    `assumed` marks one that no source gives for this region: `checked` then says what it is taken from.
    """

    cloud: Cloud
    tier: str
    item: str
    service: str
    usd: Decimal
    per: str
    date: date
    source: str
    url: str
    checked: str
    assumed: bool = False

    @property
    def each(self) -> Decimal:
        """USD for a single unit, such as a GB-month, a request or a byte."""
        return self.usd / UNITS[self.per]


@dataclass(frozen=True, slots=True)
class Table:
    """A table. `facts` are figures by cloud and tier that are no prices, such as a minimum duration."""

    regions: Mapping[Cloud, str]
    prices: tuple[Price, ...]
    facts: Mapping[tuple[Cloud, str], Mapping[str, int]]

    def find(self, cloud: Cloud, tier: str, item: str) -> Price | None:
        """The price of an item; None where the cloud does not bill it."""
        keys = ((price.cloud, price.tier, price.item) for price in self.prices)
        return next((p for p, key in zip(self.prices, keys, strict=True) if key == (cloud, tier, item)), None)

    def fact(self, cloud: Cloud, tier: str, name: str) -> int:
        """A figure that is no price; 0 where the table says nothing."""
        return self.facts.get((cloud, tier), {}).get(name, 0)


def read(name: str, folder: Path = FOLDER) -> Table:
    """The table `<name>.toml`; raises `PriceError`."""
    path = folder / f"{name}.toml"
    try:
        with path.open("rb") as file:
            document = load(file)
    except (OSError, TOMLDecodeError) as error:
        raise PriceError(f"{path.name} is no readable TOML file: {error}.") from None
    if document.get("currency") != "USD":
        raise PriceError(f"{path.name}: currency must be USD, so that figures can be added.")
    regions = {_cloud(path, key): str(region) for key, region in document.get("regions", {}).items()}
    prices = tuple(_price(path, entry) for entry in document.get("price", ()))
    _once(path, prices)
    facts = {
        (_cloud(path, cloud), tier): figures
        for cloud, tiers in document.get("facts", {}).items()
        for tier, figures in tiers.items()
    }
    return Table(regions, prices, facts)


def _price(path: Path, entry: Mapping[str, Any]) -> Price:
    named = f"{path.name}: the price of {'.'.join(str(entry.get(k, '?')) for k in ('cloud', 'tier', 'item'))}"
    missing = _FIELDS - entry.keys()
    unknown = entry.keys() - _FIELDS - {"assumed"}
    if missing or unknown:
        raise PriceError(f"{named} lacks {sorted(missing)} and may not have {sorted(unknown)}.")
    if any(not isinstance(entry[name], str) or not entry[name].strip() for name in _TEXTS):
        raise PriceError(f"{named} must say {', '.join(_TEXTS)} in words.")
    if not entry["url"].startswith("https://"):
        raise PriceError(f"{named} must have the https:// address of the vendor's page as url.")
    if entry["per"] not in UNITS:
        raise PriceError(f"{named} is per {entry['per']!r}; it must be per one of {', '.join(UNITS)}.")
    if type(entry["date"]) is not date:
        raise PriceError(f"{named} must have a date such as 2026-08-15, without quotes.")
    return Price(
        cloud=_cloud(path, entry["cloud"]),
        usd=_amount(named, entry["usd"]),
        assumed=bool(entry.get("assumed", False)),
        **{name: entry[name] for name in ("tier", "item", "per", "date", *_TEXTS)},
    )


def _amount(named: str, text: Any) -> Decimal:
    """Prices are texts: binary fractions would not add up."""
    try:
        amount = Decimal(text) if isinstance(text, str) else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite() or amount <= 0:
        raise PriceError(f'{named} must have usd as text of an amount above 0, such as "0.0135".')
    return amount


def _cloud(path: Path, name: str) -> Cloud:
    try:
        return Cloud(name)
    except ValueError:
        raise PriceError(f"{path.name}: {name!r} must be one of {', '.join(Cloud)}.") from None


def _once(path: Path, prices: Iterable[Price]) -> None:
    seen: set[tuple[str, ...]] = set()
    for price in prices:
        key = (price.cloud, price.tier, price.item)
        if key in seen:
            raise PriceError(f"{path.name}: {'.'.join(key)} is priced twice; keep the newer one.")
        seen.add(key)
