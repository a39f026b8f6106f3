"""How values, field paths and suggestions are written in the sentences for the user."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

FieldPath = tuple[str | int, ...]

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,80}")
_LONGEST_SHOWN = 60
_MOST_CANDIDATES = 1000


def field_of(path: FieldPath) -> str:
    """The path as the user would write it, `devices[2].type`. A key that is no plain word is shown quoted."""
    parts: list[str] = []
    for part in path:
        if isinstance(part, int):
            parts.append(f"[{part}]")
        elif _PLAIN_KEY.fullmatch(part):
            parts.append(f".{part}" if parts else part)
        else:
            parts.append(f"[{shown(part)}]")
    return "".join(parts)


def shown(value: object) -> str:
    """The value as the file has it: short, on one line, control characters escaped."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, str) and len(value) > _LONGEST_SHOWN:
        return f"{value[:_LONGEST_SHOWN]!r}… ({len(value)} characters)"
    return repr(value) if isinstance(value, str) else str(value)


def nearest(word: object, candidates: Iterable[str]) -> str | None:
    """The candidate that `word` was probably meant to be."""
    known = list(candidates)
    if not isinstance(word, str) or len(known) > _MOST_CANDIDATES or len(word) > 2 * _LONGEST_SHOWN:
        return None
    by_lower = {name.lower(): name for name in known}
    found = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def one_of(names: Iterable[str]) -> str:
    """`a, b or c`, shortened when there are many."""
    known = list(names)
    if len(known) > 12:
        known = [*known[:11], f"{len(known) - 11} more"]
    return " or ".join(filter(None, [", ".join(known[:-1]), known[-1]])) if known else "none"


def suggestion(word: object, candidates: Iterable[str]) -> str:
    """`did you mean 'x'?`, or what there is to choose from."""
    close = nearest(word, candidates)
    return f"did you mean {close!r}?" if close else f"use {one_of(candidates)}"


class Suggest:
    """`suggestion` for one file: after a hundred misspelt names it only says what there is to choose from.

    A search among a thousand names takes milliseconds, and a generated file may have thousands of wrong ones.
    """

    def __init__(self, most: int = 100) -> None:
        self._left = most

    def __call__(self, word: str, candidates: Iterable[str]) -> str:
        self._left -= 1
        return suggestion(word, candidates) if self._left >= 0 else f"use {one_of(candidates)}"
