"""Strict JSON: what is refused, and that the rest survives exactly."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.properties import bounded
from twin_runtime import jsontext

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**60), max_value=10**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    # Every code point, lone surrogates included.
    | st.text(st.characters(codec=None, exclude_categories=()), max_size=20)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, VALUES)
@bounded
def test_equal_values_are_those_of_equal_text(one: object, other: object) -> None:
    same = jsontext.loads(jsontext.dumps(one), max_bytes=1_000_000)
    assert jsontext.equal(one, same)
    if jsontext.equal(one, other):
        assert one == other
    else:
        assert jsontext.canonical(one) != jsontext.canonical(other)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        (False, None, False),
        ([1, {"a": 2}], [1.0, {"a": 2.0}], True),
        ([1, {"a": True}], [1, {"a": 1}], False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ([1, 2], [2, 1], False),
        ([], {}, False),
        ("1", 1, False),
        (10**30, 1e30, False),
    ],
)
def test_equality_is_that_of_json(one: object, other: object, same: bool) -> None:
    assert jsontext.equal(one, other) is jsontext.equal(other, one) is same


def load(text: str | bytes) -> object:
    return jsontext.loads(text, max_bytes=100_000)


@bounded
@given(VALUES)
def test_a_round_trip_is_exact(value: object) -> None:
    text = jsontext.dumps(value)
    assert text.isascii()
    back = load(text.encode())
    assert back == value
    assert repr(back) == repr(value)


@pytest.mark.parametrize(
    "text",
    [
        "1e-300",
        "5e-324",
        "0.1",
        "-0.0",
        "123456789012345678901234567890123456789012",
        '"\\ud800"',
        '"\\u0000"',
    ],
)
def test_values_that_other_readers_lose(text: str) -> None:
    assert load(jsontext.dumps(load(text))) == json.loads(text)
    assert jsontext.dumps(load(text)) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"NaN", "NaN is not JSON"),
        (b'{"a":Infinity}', "Infinity is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b"[1e400]", "out of range"),
        (b'{"a":1,"a":2}', "same key twice"),
        (b'{"x":{"a":1,"\\u0061":1}}', "same key twice"),
        (b"\xff", "not UTF-8"),
        (b"\xed\xa0\x80", "not UTF-8"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"", "not JSON"),
        (b"{} {}", "not JSON"),
        (b'"\n"', "not JSON"),
        (b"1" * 5000, "too long"),
        (b"[" * 33 + b"]" * 33, "deeper than 32"),
        (b"[" * 40_000 + b"]" * 40_000, "deeper than 32"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "deeper than 32"),
        (b" " * 100_001, "longer than 100000 bytes"),
    ],
)
def test_refused(text: bytes, reason: str) -> None:
    with pytest.raises(jsontext.Malformed, match=reason):
        load(text)


def test_as_deep_as_allowed() -> None:
    assert load(b"[" * 32 + b"]" * 32) is not None


@pytest.mark.parametrize("value", [math.nan, math.inf, {"a": {1, 2}}, b"x", object()])
def test_what_json_cannot_carry_is_not_written(value: object) -> None:
    with pytest.raises(jsontext.Malformed):
        jsontext.dumps({"value": value})


def test_a_copy_shares_nothing() -> None:
    value = {"a": [1, {"b": 2}]}
    copied = jsontext.copy(value)
    assert copied == value
    copied["a"][1]["b"] = 3
    assert value == {"a": [1, {"b": 2}]}


def items(text: str | bytes) -> list[tuple[object, str]]:
    return jsontext.loads_items(text, max_bytes=100_000, max_items=10)


@bounded
@given(st.lists(VALUES, max_size=5), st.sampled_from([None, 1]), st.booleans())
def test_items_are_those_of_the_array_each_with_its_text(
    values: list[object], indent: int | None, plain: bool
) -> None:
    text = json.dumps(values, indent=indent, ensure_ascii=plain).encode("utf-8", "replace")
    expected = json.loads(text)
    found = items(text)
    assert [value for value, _ in found] == expected
    assert [json.loads(part) for _, part in found] == expected
    assert all(part.isascii() for _, part in found)


@pytest.mark.parametrize("text", ["[]", " [ ] ", "\n[\t]\r\n"])
def test_no_items(text: str) -> None:
    assert items(text) == []


@bounded
@given(st.text('[]{}:," 1a\n', max_size=12))
def test_an_array_is_read_as_the_standard_reader_reads_it(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        expected = None
    if isinstance(expected, list):
        assert [value for value, _ in items(text)] == expected
    else:
        with pytest.raises(jsontext.Malformed):
            items(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{}", "not a JSON array"),
        ("[1,]", "not JSON"),
        ("[1", "not JSON"),
        ("[1 2]", "not JSON"),
        ("[1]]", "not JSON"),
        ("[,1]", "not JSON"),
        ("[NaN]", "NaN is not JSON"),
        ('[{"a":1,"a":2}]', "same key twice"),
        ("[" + "[" * 33 + "]" * 33 + "]", "deeper than 32"),
        ("[" * 40_000, "deeper than 32"),
        ("[" + "1," * 10 + "1]", "more than 10 items"),
    ],
)
def test_arrays_that_are_refused(text: str, reason: str) -> None:
    with pytest.raises(jsontext.Malformed, match=reason):
        items(text)
