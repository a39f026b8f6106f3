"""Strict JSON, in and out.

Refused: NaN and Infinity, numbers beyond a double's range, a key twice in an object, text that is not UTF-8,
nesting deeper than `MAX_DEPTH`, text longer than the caller's bound. Integers are exact at any length that
Python reads (4,300 digits); numbers with a fraction or an exponent are IEEE doubles and survive a round trip.
Output is ASCII, so a lone surrogate survives as its escape.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from math import isfinite
from typing import Any, NoReturn, TypeVar

MAX_DEPTH = 32
_CONTAINERS = (dict, list)
_BLANKS = (" ", "\t", "\n", "\r")
_INFINITY = float("inf")

Recognise = Callable[[str, int], tuple[Any, int] | None]
"""Reads one item of a JSON array, from a position of the text on: the value, exactly as it would be read
without it, and where it ends; None for what it does not know. May raise what reading does.
"""
T = TypeVar("T")

_KEY = r'"[^"\\\x00-\x1f]*+"'
_TEXT = r'"(?:[^"\\\x00-\x1f]++|\\(?:[\\/bfnrt]|u[0-9a-fA-F]{4}))*+"'
_NUMBER = r"-?+(?:0|[1-9][0-9]{0,99}+)(?:\.[0-9]{1,99}+)?(?:[eE][+-]?[0-9]{1,2}+)?"
_PAIR = rf"{_KEY}:(?:{_NUMBER}|{_TEXT}|true|false|null)"
FLAT = rf"\{{{_PAIR}(?:,{_PAIR})*+\}}"
"""A regular expression of an object, written compactly, without lists and objects in it, and without a quote
in its strings. Its numbers are within the range of a double. A key may be there twice: see `keys_differ`.
"""


class Malformed(ValueError):
    """Not the JSON that is accepted here; the text says why in one sentence, without a part of the input."""


def loads(text: str | bytes, *, max_bytes: int, max_depth: int = MAX_DEPTH) -> Any:
    """Parse; raises `Malformed`."""
    return loads_levels(text, max_bytes=max_bytes, max_depth=max_depth)[0]


def loads_levels(text: str | bytes, *, max_bytes: int, max_depth: int = MAX_DEPTH) -> tuple[Any, int]:
    """As `loads`, with the number of levels to which lists and objects nest."""
    text = _text(text, max_bytes)
    with _as_malformed(max_depth):
        value, deep, sound = _loads_quickly(text)
        if not sound:
            value = _DECODER.decode(text)
            deep = levels(value)
    if deep > max_depth:
        raise _too_deep(max_depth)
    return value, deep


def _loads_quickly(text: str) -> tuple[Any, int, bool]:
    """What the lenient decoder reads, its levels, and whether the strict one surely reads the same.

    A key that is there twice is lost with its quotes: without escapes, every string has two of them.
    """
    if "\\" in text:
        return None, 0, False
    try:
        value = _LENIENT.decode(text)
    except (ValueError, RecursionError):
        return None, 0, False  # the strict decoder says why
    deep, strings, finite = _survey(value)
    return value, deep, finite and strings * 2 == text.count('"')


def loads_items(text: str | bytes, *, max_bytes: int, max_items: int) -> list[tuple[Any, str]]:
    """The items of an array, each with its own text (ASCII): it can be passed on without being written again.

    Each item may nest as deep as a document. Raises `Malformed`.
    """
    found = judged_items(text, lambda _: None, max_bytes=max_bytes, max_items=max_items)
    return [(value, part) for value, part, _ in found]


def judged_items(
    text: str | bytes,
    judge: Callable[[Any], T],
    *,
    max_bytes: int,
    max_items: int,
    recognise: Recognise | None = None,
) -> list[tuple[Any, str, T | None]]:
    """As `loads_items`, each item with what `judge` says of it, or None where `recognise` knew it.

    `recognise` is asked where the text is ASCII.
    """
    text = _text(text, max_bytes)
    items: list[tuple[Any, str, T | None]] = []
    plain = text.isascii()
    recognise = recognise if plain else None
    with _as_malformed(MAX_DEPTH):
        at = _skip(text, 0)
        if text[at : at + 1] != "[":
            _DECODER.decode(text)
            raise Malformed("It is not a JSON array.")
        at = _skip(text, at + 1)
        closed = text[at : at + 1] == "]"
        while not closed:
            known = recognise(text, at) if recognise is not None else None
            if known is not None:
                value, end = known
                items.append((value, text[at:end], None))
            else:
                value, end = _DECODER.raw_decode(text, at)
                part = text[at:end] if plain else dumps(value)
                _check_depth(value, part, MAX_DEPTH)
                items.append((value, part, judge(value)))
            if len(items) > max_items:
                raise Malformed(f"The array has more than {max_items} items.")
            if text.startswith(",{", end):
                at = end + 1
                continue
            at = _skip(text, end)
            if text[at : at + 1] == ",":
                at = _skip(text, at + 1)
            elif text[at : at + 1] == "]":
                closed = True
            else:
                raise json.JSONDecodeError("Expecting ',' delimiter", text, at)
        if _skip(text, at + 1) != len(text):
            raise json.JSONDecodeError("Extra data", text, at + 1)
    return items


def scan_object(text: str, at: int, *, max_depth: int) -> tuple[dict[str, Any], int] | None:
    """The object that begins at `at`, and where it ends; None where none does that is accepted here.

    For use in a `Recognise`.
    """
    if not text.startswith("{", at):
        return None
    try:
        value, end = _LENIENT.raw_decode(text, at)
    except ValueError:
        return None
    # Each pair has a colon. As many colons as keys, then, are no key twice and no pair further inside.
    flat = len(value) == text.count(":", at, end) and text.find("[", at, end) < 0
    if flat and not (_INFINITY in (values := value.values()) or -_INFINITY in values):
        return value, end
    value, end = _DECODER.raw_decode(text, at)
    too_deep = _opens(text[at:end]) > max_depth and levels(value) > max_depth
    return None if too_deep else (value, end)


def keys_differ(flat: str) -> bool:
    """Whether no key is there twice in a text of the form `FLAT`."""
    strings = flat.split('"')[1::2]
    if len(set(strings)) == len(strings):
        return True
    # Or the same string is there twice as a value.
    try:
        _DECODER.decode(flat)
    except Malformed:
        return False
    return True


def dumps(value: Any) -> str:
    """Compact ASCII JSON; raises `Malformed` for what JSON cannot carry."""
    try:
        return _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise Malformed(f"It cannot be written as JSON: {error}.") from None


def dumps_each(values: Sequence[dict[str, Any]]) -> list[str]:
    """The text of each object; raises `Malformed`. All are written at once, in half the time."""
    parts = dumps(values)[2:-2].split("},{")
    # Between two objects there is always one; where there is none elsewhere, these are the objects.
    if len(parts) == len(values):
        return [f"{{{part}}}" for part in parts]
    return [dumps(value) for value in values]


def canonical(value: Any) -> str:
    """As `dumps`, with sorted keys: equal values give equal text."""
    try:
        return _CANONICAL.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise Malformed(f"It cannot be written as JSON: {error}.") from None


def levels(value: Any) -> int:
    """To how many levels lists and objects nest: 0 for a plain value, 1 for an empty list."""
    return _survey(value)[0]


def _survey(value: Any) -> tuple[int, int, bool]:
    """The levels of plain JSON data, the number of its strings and keys, and whether its numbers are surely
    finite.
    """
    deep, strings, finite, level = 0, 0, True, [value]
    while True:
        kinds = set(map(type, level))
        if str in kinds:
            strings += sum([type(each) is str for each in level])
        if float in kinds:
            # A sum is finite only if all of its parts are.
            finite = finite and isfinite(sum([each for each in level if type(each) is float]))
        objects = [each for each in level if type(each) is dict] if dict in kinds else []
        arrays = [each for each in level if type(each) is list] if list in kinds else []
        if not objects and not arrays:
            return deep, strings, finite
        deep += 1
        strings += sum(map(len, objects))
        level = [*chain.from_iterable(map(dict.values, objects)), *chain.from_iterable(arrays)]


def equal(one: Any, other: Any) -> bool:
    """Whether two values are the same in JSON: 1 and 1.0 are, 1 and true are not."""
    if isinstance(one, dict):
        if not isinstance(other, dict) or one.keys() != other.keys():
            return False
        return all(equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list):
        if not isinstance(other, list) or len(one) != len(other):
            return False
        return all(map(equal, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def copy(value: Any) -> Any:
    """A copy of plain JSON data that shares no list or object with it."""
    if isinstance(value, dict):
        return {key: copy(item) if isinstance(item, _CONTAINERS) else item for key, item in value.items()}
    if isinstance(value, list):
        return [copy(item) if isinstance(item, _CONTAINERS) else item for item in value]
    return value


def _text(text: str | bytes, max_bytes: int) -> str:
    if len(text) > max_bytes:
        raise Malformed(f"The JSON is longer than {max_bytes} bytes.")
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("The text is not UTF-8.") from None


@contextmanager
def _as_malformed(max_depth: int) -> Iterator[None]:
    """Turn what the decoder raises into one sentence."""
    try:
        yield
    except Malformed:
        raise
    except RecursionError:
        raise _too_deep(max_depth) from None
    except json.JSONDecodeError as error:
        raise Malformed(f"It is not JSON: {error.msg.lower()} at character {error.pos}.") from None
    except ValueError:
        raise Malformed("A number is too long.") from None


def _opens(text: str) -> int:
    """No less than the number of levels, and far cheaper to find."""
    return text.count("{") + text.count("[")


def _check_depth(value: Any, text: str, limit: int) -> None:
    if _opens(text) > limit and levels(value) > limit:
        raise _too_deep(limit)


def _too_deep(limit: int) -> Malformed:
    return Malformed(f"The JSON is nested deeper than {limit} levels.")


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] in _BLANKS:
        at += 1
    return at


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Malformed("An object has the same key twice.")
    return result


def _float(text: str) -> float:
    value = float(text)
    if value == _INFINITY or value == -_INFINITY:
        raise Malformed("A number is out of range.")
    return value


def _constant(name: str) -> NoReturn:
    raise Malformed(f"{name} is not JSON.")


_LENIENT = json.JSONDecoder(parse_constant=_constant)
"""Takes a key twice and numbers out of range, in half the time."""
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_float, parse_constant=_constant)
_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
_CANONICAL = json.JSONEncoder(allow_nan=False, separators=(",", ":"), sort_keys=True)
