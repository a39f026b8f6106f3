"""Writes values, field paths and suggestions for error sentences."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from functools import partial

FieldPath = tuple[str | int, ...]

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,80}")
_LONGEST_SHOWN = 60
_MOST_CANDIDATES = 1000


def field_of(path: FieldPath) -> str:
    """The path as the user would write it, `devices[2].type`. Keys other than plain words are quoted."""
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
    """Return the candidate that `word` was probably meant to be, None when no candidate is similar.

    >>> nearest("us-esat-1", ["us-west-1", "us-east-1"])
    'us-east-1'
    """
    known = list(candidates)
    if not isinstance(word, str) or len(known) > _MOST_CANDIDATES or len(word) > 2 * _LONGEST_SHOWN:
        return None
    by_lower = {name.lower(): name for name in known}
    similar = get_close_matches(word.lower(), by_lower, n=5, cutoff=0.6)
    return by_lower[min(similar, key=partial(_edits, word.lower()))] if similar else None


def _edits(word: str, other: str) -> int:
    """Return the number of insertions, deletions, replacements and swaps of neighbours between two words."""
    rows = [list(range(len(other) + 1))]
    for i, letter in enumerate(word, 1):
        rows.append([i])
        for j, wanted in enumerate(other, 1):
            least = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (letter != wanted))
            if i > 1 and j > 1 and (letter, word[i - 2]) == (other[j - 2], wanted):
                least = min(least, rows[i - 2][j - 2] + 1)
            rows[i].append(least)
    return rows[-1][-1]


def one_of(names: Iterable[str]) -> str:
    """`a, b or c`, shortened when there are many."""
    known = [name if name.isprintable() else shown(name) for name in names]
    if len(known) > 12:
        known = [*known[:11], f"{len(known) - 11} more"]
    return " or ".join(filter(None, [", ".join(known[:-1]), known[-1]])) if known else "none"


def suggestion(word: object, candidates: Iterable[str]) -> str:
    """Return `did you mean 'x'?`, or the candidates when none is similar."""
    close = nearest(word, candidates)
    return f"did you mean {close!r}?" if close else f"use {one_of(candidates)}"


class Suggest:
    """`suggestion` for one file: after a hundred misspelt names it lists the candidates without a search.

    A search among a thousand names takes milliseconds, and a generated file may have thousands of wrong ones.
    """

    def __init__(self, most: int = 100) -> None:
        self._left = most

    def __call__(self, word: str, candidates: Iterable[str]) -> str:
        self._left -= 1
        return suggestion(word, candidates) if self._left >= 0 else f"use {one_of(candidates)}"
