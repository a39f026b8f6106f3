"""Tables of list prices: complete, dated, sourced; and what is refused in one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from guides.prices import storage
from guides.prices.table import UNITS, PriceError, read
from twin_runtime.roles import Cloud

ENTRY = """
[[price]]
cloud = "aws"
tier = "cold"
item = "storage"
service = "S3"
usd = "0.01"
per = "GB-month"
date = 2026-01-31
source = "a page"
url = "https://example.com/"
checked = "the page"
"""
TABLE = 'currency = "USD"\n[regions]\naws = "eu-central-1"\n' + ENTRY
VENDORS = {
    Cloud.AWS: "https://aws.amazon.com/",
    Cloud.AZURE: "https://azure.microsoft.com/",
    Cloud.GCP: "https://cloud.google.com/",
}


def written(folder: Path, text: str) -> Path:
    (folder / "some.toml").write_text(text)
    return folder


@pytest.mark.parametrize("tier", storage.TIERS)
@pytest.mark.parametrize("cloud", Cloud)
def test_storage_is_priced_in_every_tier_of_every_cloud(cloud: Cloud, tier: str) -> None:
    prices = storage.table()
    assert prices.regions[cloud]
    items = {price.item for price in prices.prices if (price.cloud, price.tier) == (cloud, tier)}
    wanted = {"hot": {"storage"}, "cold": {"storage", "put"}, "archive": {"storage", "put", "transition"}}
    assert wanted[tier] <= items
    if tier != "hot":
        assert prices.fact(cloud, tier, "minimum_days") >= 30


@pytest.mark.parametrize("name", ["storage", "events"])
def test_every_price_says_when_and_where_it_was_read(name: str) -> None:
    for price in read(name).prices:
        assert date(2020, 1, 1) < price.date <= date(2026, 11, 30), price
        assert price.url.startswith(VENDORS[price.cloud]), price
        assert len(price.checked) > 20, price
        assert ("not found" in price.checked) == price.assumed, price


def test_tiers_get_cheaper() -> None:
    prices = storage.table()
    for cloud in Cloud:
        hot, cold, archive = (prices.find(cloud, tier, "storage") for tier in storage.TIERS)
        assert hot and cold and archive
        assert hot.each > 10 * cold.each > 50 * archive.each


def test_a_price_is_of_one_unit() -> None:
    put = storage.table().find(Cloud.AZURE, "cold", "put")
    assert put is not None
    assert put.each == Decimal("0.10") / UNITS["10,000 requests"] == Decimal("0.00001")


def test_a_small_table(tmp_path: Path) -> None:
    made = read("some", written(tmp_path, TABLE))
    assert [price.usd for price in made.prices] == [Decimal("0.01")]
    assert made.find(Cloud.AWS, "hot", "storage") is None
    assert made.fact(Cloud.AWS, "cold", "minimum_days") == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("price = ", "no readable TOML"),
        (TABLE.replace('"USD"', '"EUR"'), "currency must be USD"),
        (TABLE.replace('"aws"\ntier', '"ibm"\ntier'), "'ibm' must be one of aws, azure, gcp"),
        (TABLE.replace('checked = "the page"\n', ""), "lacks ['checked']"),
        (TABLE.replace('checked = "the page"', 'checked = " "'), "must say service, source, url, checked"),
        (TABLE + 'note = "x"\n', "may not have ['note']"),
        (TABLE.replace('"0.01"', "0.01"), 'such as "0.0135"'),
        (TABLE.replace('"0.01"', '"-0.01"'), "an amount above 0"),
        (TABLE.replace('"0.01"', '"free"'), "an amount above 0"),
        (TABLE.replace("GB-month", "TB"), "it must be per one of GB-month"),
        (TABLE.replace("2026-01-31", '"2026-01-31"'), "without quotes"),
        (TABLE.replace("https://", "http://"), "https:// address"),
        (TABLE + ENTRY, "aws.cold.storage is priced twice"),
    ],
)
def test_a_wrong_table_is_a_sentence(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(PriceError) as caught:
        read("some", written(tmp_path, text))
    assert words in str(caught.value)
    assert "some.toml" in str(caught.value)


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PriceError, match=r"some\.toml is no readable TOML file"):
        read("some", tmp_path)
