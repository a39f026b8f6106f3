"""What a million rows cost a month in each tier of each cloud, by list prices.

Bytes are measured on rows as the adapters write them (see row_sizes.py), prices are those of
`guides/prices/storage.toml`. Free allowances, reads and transfer out of a cloud are not counted.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import row_sizes
from benchmarks.results import Result, Table
from guides.prices import storage
from twin_runtime.roles import CLOUD_NAMES, Cloud

_PRICES = storage.table()
_DATES = [price.date for price in _PRICES.prices]
_ASSUMED = "".join(
    f" Assumed: {CLOUD_NAMES[price.cloud]}, {price.service}: {price.checked}."
    for price in _PRICES.prices
    if price.assumed
)
TABLES = (
    Table(
        "What stored rows cost",
        f"Monthly list prices for a million rows, of {min(_DATES)} to {max(_DATES)}, without free "
        f"allowances, reads and egress. Files contain {row_sizes.ROWS_PER_FILE:,} rows of "
        f"{row_sizes.DEVICES} devices. Moving into cold counts the writes of the index, about as many as a "
        "file has devices, at the price of a file. The index's bytes, 2% of the files', are not counted. "
        f"The prices are calculated and the same in every run.{_ASSUMED}",
        rows="stored in",
    ),
)
_MONTH, _ONCE = "USD a month", "USD once"


def results(*, quick: bool) -> Iterator[Result]:
    """There is nothing to make smaller."""
    sizes = row_sizes.measure()
    files = storage.Files(row_sizes.ROWS_PER_FILE, sizes.file, sizes.puts)
    for cloud in Cloud:
        hot_bytes = sizes.hot[cloud]
        hot = storage.hot_month(_PRICES, cloud, hot_bytes)
        cold, archive = (storage.files_month(_PRICES, cloud, tier, files) for tier in ("cold", "archive"))
        into_cold = storage.moving_in(_PRICES, cloud, "cold", files)
        into_archive = storage.moving_in(_PRICES, cloud, "archive", files, by_rule=True)
        for name, figure, unit, base, to in (
            ("row in the hot store", hot_bytes, "bytes", sizes.data, "its data"),
            ("row in a file", sizes.file, "bytes", sizes.data, "its data"),
            ("hot", hot, _MONTH, None, ""),
            ("cold", cold, _MONTH, hot, "hot"),
            ("archive", archive, _MONTH, hot, "hot"),
            ("moved into cold", into_cold, _ONCE, None, ""),
            ("moved into archive", into_archive, _ONCE, None, ""),
        ):
            row = f"{CLOUD_NAMES[cloud]}, {_PRICES.regions[cloud]}"
            ratio = None if base is None else float(figure / base)
            yield Result(TABLES[0].title, row, name, float(figure), unit, ratio, to)
