"""Times are brought to one width, in UTC, and sort as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.properties import bounded
from twin_runtime import times

MOMENTS = st.datetimes(
    min_value=datetime(2, 1, 1),
    max_value=datetime(9998, 1, 1),
    timezones=st.integers(-23 * 60, 23 * 60).map(lambda m: timezone(timedelta(minutes=m))),
)


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("2024-02-29T12:00:00Z", "2024-02-29T12:00:00.000000Z"),
        ("2024-02-29t12:00:00z", "2024-02-29T12:00:00.000000Z"),
        ("2024-02-29 12:00:00.5Z", "2024-02-29T12:00:00.500000Z"),
        ("2024-02-29T13:00:00.123456789+01:00", "2024-02-29T12:00:00.123456Z"),
        ("2024-03-01T00:30:00-00:00", "2024-03-01T00:30:00.000000Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"),
        ("0001-01-01T00:00:00Z", times.EARLIEST),
        ("9999-12-31T23:59:59.999999Z", times.LATEST),
    ],
)
def test_normalised(given_: str, expected: str) -> None:
    assert times.normalise(given_) == expected


@pytest.mark.parametrize(
    "value",
    [
        "2023-02-29T12:00:00Z",
        "2024-02-29T24:00:00Z",
        "2024-02-29T12:00:00",
        "2024-02-29",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "2024-02-29T12:00:00+25:00",
        "2024-02-29T12:00:00Z\n",
        "२०२४-02-29T12:00:00Z",
        "",
        1709208000,
        True,
        None,
        "2024-02-29T12:00:00." + "0" * 60 + "Z",
    ],
)
def test_refused_with_a_sentence(value: object) -> None:
    with pytest.raises(ValueError, match=r"^The time .*\.$"):
        times.normalise(value)


@bounded
@given(MOMENTS, MOMENTS)
def test_text_order_is_time_order(one: datetime, two: datetime) -> None:
    a, b = times.normalise(one.isoformat()), times.normalise(two.isoformat())
    assert len(a) == len(b) == 27
    assert (a < b) == (one < two)
    assert times.normalise(a) == a


def test_from_epoch() -> None:
    assert times.from_epoch(0) == "1970-01-01T00:00:00.000000Z"
    moment = datetime(2024, 2, 29, 12, tzinfo=UTC)
    assert times.from_epoch(moment.timestamp()) == "2024-02-29T12:00:00.000000Z"
