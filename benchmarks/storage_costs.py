"""What a million rows cost a month in each tier of each cloud, by list prices, as a table in Markdown.

Bytes are measured on rows as the adapters write them (see row_sizes.py), prices are those of
`guides/prices/storage.toml`. Free allowances, reads and transfer out of a cloud are not counted.
"""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAMES = {"aws": "AWS", "azure": "Azure", "gcp": "Google Cloud"}


def main() -> None:
    sys.path[:0] = [str(ROOT / part) for part in ("", "constructs", "function_src", "tests")]
    for line in lines():
        print(line)


def lines() -> list[str]:
    """The table, and what it rests on."""
    from benchmarks import row_sizes
    from guides.prices import storage
    from twin_runtime.roles import Cloud

    prices, sizes = storage.table(), row_sizes.measure()
    files = storage.Files(row_sizes.ROWS_PER_FILE, sizes.file)
    made = [
        "USD per million rows",
        "",
        "| | bytes a row, hot | hot, a month | bytes a row, file | cold, a month | archive, a month "
        "| into cold, once | into archive, once |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for cloud in Cloud:
        hot = storage.hot_month(prices, cloud, sizes.hot[cloud])
        cells = [
            f"{sizes.hot[cloud]:.0f}",
            _usd(hot),
            f"{sizes.file:.0f}",
            *(_usd(storage.files_month(prices, cloud, tier, files)) for tier in ("cold", "archive")),
            _usd(storage.moving_in(prices, cloud, "cold", files)),
            _usd(storage.moving_in(prices, cloud, "archive", files, by_rule=True)),
        ]
        made.append(f"| {NAMES[cloud]}, {prices.regions[cloud]} | {' | '.join(cells)} |")
    assumed = [price for price in prices.prices if price.assumed]
    oldest = min(price.date for price in prices.prices)
    newest = max(price.date for price in prices.prices)
    return [
        *made,
        "",
        f"{sizes.data:.0f} bytes of data a row; files of {files.rows:,} rows of {row_sizes.DEVICES} devices.",
        f"Prices of {oldest} to {newest}, each with its source in guides/prices/storage.toml.",
        *(f"Assumed: {NAMES[price.cloud]}, {price.service}: {price.checked}." for price in assumed),
    ]


def _usd(amount: Decimal) -> str:
    return f"{amount:.5f}"


if __name__ == "__main__":
    main()
