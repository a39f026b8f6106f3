"""What a million rows cost: the arithmetic, on a table made for it and on rows as they are written."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from benchmarks import row_sizes, storage_costs
from guides.prices import storage
from guides.prices.table import GB, Price, Table
from twin_runtime.roles import Cloud

AWS, GCP = Cloud.AWS, Cloud.GCP
FILES = storage.Files(rows=1_000, bytes_per_row=Decimal(100))
"""A million rows are a thousand files of 100,000 bytes."""


def price(tier: str, item: str, usd: str, per: str = "GB-month", cloud: Cloud = AWS) -> Price:
    words = dict.fromkeys(("service", "source", "url", "checked"), "x")
    return Price(cloud=cloud, tier=tier, item=item, usd=Decimal(usd), per=per, date=date(2026, 1, 1), **words)


def table(*prices: Price, **facts: int) -> Table:
    return Table({AWS: "eu-central-1"}, prices, {(AWS, "cold"): facts})


def test_hot_rows_with_their_backup() -> None:
    prices = table(price("hot", "storage", "0.30"), price("hot", "recovery", "0.20"))
    assert storage.hot_month(prices, AWS, Decimal(GB) / 1_000_000) == Decimal("0.50")
    assert storage.hot_month(table(price("hot", "storage", "0.30")), AWS, Decimal(GB) / 10**6) == Decimal(
        "0.30"
    )


def test_files_by_their_bytes() -> None:
    month = storage.files_month(table(price("cold", "storage", "1")), AWS, "cold", FILES)
    assert month * GB == 100_000_000


def test_small_files_are_billed_as_the_smallest() -> None:
    prices = table(price("cold", "storage", "1"), minimum_bytes=131_072)
    assert storage.files_month(prices, AWS, "cold", FILES) * GB == 131_072_000
    large = storage.Files(rows=2_000, bytes_per_row=Decimal(100))
    assert storage.files_month(prices, AWS, "cold", large) * GB == 100_000_000


def test_what_is_billed_beside_each_file() -> None:
    prices = table(
        price("cold", "storage", "1"),
        price("standard", "storage", "10"),
        own_overhead=32_768,
        standard_overhead=8_192,
    )
    expected = 1_000 * (100_000 + 32_768 + 8_192 * 10)
    assert storage.files_month(prices, AWS, "cold", FILES) * GB == expected


def test_a_file_is_a_request() -> None:
    prices = table(
        price("archive", "put", "0.06", "1,000 requests"),
        price("archive", "transition", "0.50", "10,000 requests"),
    )
    assert storage.moving_in(prices, AWS, "archive", FILES) == Decimal("0.06")
    assert storage.moving_in(prices, AWS, "archive", FILES, by_rule=True) == Decimal("0.05")


def test_the_index_is_written_with_a_file() -> None:
    prices = table(
        price("cold", "put", "0.01", "1,000 requests"), price("archive", "put", "0.06", "1,000 requests")
    )
    indexed = storage.Files(FILES.rows, FILES.bytes_per_row, puts=84)
    assert storage.moving_in(prices, AWS, "cold", indexed) == Decimal("0.84")
    assert storage.moving_in(prices, AWS, "archive", indexed) == Decimal("0.06"), "which has none"


def test_a_price_that_is_missing() -> None:
    with pytest.raises(KeyError, match=r"no price of gcp\.cold\.storage"):
        storage.files_month(table(), GCP, "cold", FILES)


def test_a_row_in_dynamodb() -> None:
    """Names 6 + 4 bytes, the text 3 bytes, the number's ten digits five bytes and one, and a hundred."""
    item = {"device": {"S": "abc"}, "last": {"N": "1234567891"}}
    assert row_sizes.dynamo(item) == 6 + 3 + 4 + 6 + 100


def test_a_row_in_firestore() -> None:
    """Each text is a byte longer than it is; a name has 16 more, a document and each index entry 32."""
    name = 5 + 4 + 16
    document = name + (7 + 3) + (4 + 4) + (8 + 8) + 32
    entry = name + 16 + 3 + 4 + 32
    fields = {"device": "ab", "key": "cde", "expires": 5}
    assert row_sizes.firestore("doc", fields) == document + 2 * entry


def test_the_rows_that_are_measured() -> None:
    sizes = row_sizes.measure()
    assert 65 < sizes.data < 75
    assert all(sizes.data + 150 < size < 1_000 for size in sizes.hot.values())
    assert 40 < sizes.file < sizes.data + 18
    assert row_sizes.DEVICES * 0.6 < sizes.puts - 2 <= row_sizes.DEVICES, (
        "of the index: a bucket has few devices"
    )
    owner = row_sizes.twin()
    made = list(row_sizes.day(owner))
    assert len(made) == row_sizes.ROWS_PER_FILE
    assert made == sorted(made, key=lambda row: (row.device, row.key))
    assert len({row.data for row in made}) > 0.99 * len(made), "values wander"


def test_what_is_printed() -> None:
    made = list(storage_costs.results(quick=True))
    assert {each.row.split(",")[0] for each in made} == {"AWS", "Azure", "Google Cloud"}
    for row in {each.row for each in made}:
        usd = {each.name: each.figure for each in made if each.row == row}
        assert usd["hot"] > 50 * usd["cold"] > 50 * 2 * usd["archive"] > 0
    (table,) = storage_costs.TABLES
    assert "Assumed: Google Cloud" in table.about
