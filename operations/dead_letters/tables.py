"""Print letters as they come, and a summary of their reasons at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from operations.dead_letters.letters import Letter
from operations.printing import NONE, Print, Table, counted, plain
from twin_runtime import times

_ROW = "{hop:<10} {cloud:<5} {age:>4} {read:>4}  {device:<20} {event:<20} {reason}"
_REASONS = 20


class LetterTable:
    """The list: a line per letter."""

    def __init__(self, out: Print, now: float) -> None:
        self._out = out
        self._now = now
        self._table = Table(out, _ROW)
        self._reasons: Counter[str] = Counter()

    def add(self, letter: Letter) -> None:
        self._reasons[letter.reason] += 1
        self._table.add(
            fields(letter, self._now),
            age=age(self._now - letter.at),
            read=NONE if letter.reads is None else letter.reads,
            device=plain(letter.device),
            event=plain(letter.event_id),
            reason=plain(letter.reason),
        )

    def end(self) -> None:
        """Print the number of letters by reason."""
        count = self._reasons.total()
        self._out(f"\n{counted(count, 'dead letter')}" if count else "No dead letters.")
        _summarize(self._out, self._reasons)


class Account:
    """Prints the outcome of each letter, and counts the letters that were resent and kept.

    Use it as a context manager.

    `record` is given the outcome of each letter as a JSON object.
    """

    def __init__(self, out: Print, record: Callable[[dict[str, Any]], None] | None = None) -> None:
        self._out = out
        self._record = record
        self._counts: Counter[str] = Counter()
        self._kept: Counter[str] = Counter()

    @property
    def kept(self) -> int:
        return self._kept.total()

    def report(self, letter: Letter, outcome: str, why: str) -> None:
        hop = f"{letter.location.hop} ({letter.location.cloud})"
        line = f"{outcome:<6}  {hop}  {plain(letter.device)}  {plain(letter.event_id)}"
        self._out(f"{line}  {why}" if why else line)
        self._counts[outcome] += 1
        if self._record:
            self._record({**identity(letter), "outcome": outcome, "reason": why or None})
        if why:
            self._kept[why] += 1

    def __enter__(self) -> Account:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Print the counts, also after an interrupt, but not where nothing was begun."""
        if kind is not None and not self._counts:
            return
        said = ", ".join(f"{count} {outcome}" for outcome, count in self._counts.items())
        self._out(f"\n{said}" if said else "No dead letter matches the selection.")
        _summarize(self._out, self._kept)


def identity(letter: Letter) -> dict[str, Any]:
    """Return which letter it is, as a JSON object."""
    return {
        "hop": letter.location.hop,
        "cloud": letter.location.cloud,
        "device": letter.device,
        "event_id": letter.event_id,
    }


def fields(letter: Letter, now: float) -> dict[str, Any]:
    """Return a letter as a JSON object, without its content, which may be long."""
    return {
        **identity(letter),
        "time": times.from_epoch(letter.at),
        "age_s": round(now - letter.at, 3),
        "role": letter.content.role,
        "reason": letter.reason,
        "detail": letter.content.detail,
        "read": letter.reads,
    }


def age(seconds: float) -> str:
    """Return `4s`, `12m`, `3h` or `9d`."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= length:
            return f"{int(seconds // length)}{unit}"
    return f"{max(0, int(seconds))}s"


def _summarize(out: Print, reasons: Counter[str]) -> None:
    for reason, count in reasons.most_common(_REASONS):
        out(f"  {count:>6}  {plain(reason)}")
    if len(reasons) > _REASONS:
        out(f"          and {len(reasons) - _REASONS} other reasons")
