"""What the command prints: a line per letter while they come, and what they have in common at the end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from replay.letters import Letter
from twin_runtime import times

Print = Callable[[str], None]
_ROW = "{hop:<10} {cloud:<5} {age:>4} {read:>4}  {device:<20} {event:<20} {reason}"
_NO = "–"
_REASONS = 20


class Table:
    """The list: a line per letter, or a JSON object per line."""

    def __init__(self, out: Print, now: float, *, as_json: bool = False) -> None:
        self._out = out
        self._now = now
        self._as_json = as_json
        self._reasons: Counter[str] = Counter()

    def add(self, letter: Letter) -> None:
        if self._as_json:
            self._out(json.dumps(fields(letter, self._now)))
            return
        if not self._reasons:
            titles = {name: name for name in ("hop", "cloud", "age", "read", "device", "event", "reason")}
            self._out(_ROW.format(**titles))
        self._reasons[letter.reason] += 1
        self._out(
            _ROW.format(
                hop=letter.place.hop,
                cloud=letter.place.cloud,
                age=age(self._now - letter.at),
                read=_NO if letter.reads is None else letter.reads,
                device=plain(letter.device),
                event=plain(letter.event_id),
                reason=plain(letter.reason),
            )
        )

    def end(self) -> None:
        """How many letters of each reason there are."""
        if not self._as_json:
            count = sum(self._reasons.values())
            self._out(f"\n{count} dead letter{'s' * (count != 1)}" if count else "No dead letters.")
            tell(self._out, self._reasons)


class Account:
    """What was sent back, and what was kept for which reason."""

    def __init__(self, out: Print) -> None:
        self._out = out
        self._counts: Counter[str] = Counter()
        self._kept: Counter[str] = Counter()

    @property
    def kept(self) -> int:
        return sum(self._kept.values())

    def report(self, letter: Letter, outcome: str, why: str) -> None:
        place = letter.place
        line = f"{outcome:<9}  {place.hop} ({place.cloud})  {plain(letter.device)}  {plain(letter.event_id)}"
        self._out(f"{line}  {why}" if why else line)
        self._counts[outcome] += 1
        if why:
            self._kept[why] += 1

    def end(self) -> None:
        said = ", ".join(f"{count} {outcome}" for outcome, count in self._counts.items())
        self._out(f"\n{said}" if said else "No letter is selected.")
        tell(self._out, self._kept)


def fields(letter: Letter, now: float) -> dict[str, Any]:
    """A letter as a JSON object; never its content, which may be long."""
    return {
        "hop": letter.place.hop,
        "cloud": letter.place.cloud,
        "time": times.from_epoch(letter.at),
        "age_s": round(now - letter.at, 3),
        "role": letter.content.role,
        "device": letter.device,
        "event_id": letter.event_id,
        "reason": letter.reason,
        "detail": letter.content.detail,
        "read": letter.reads,
    }


def age(seconds: float) -> str:
    """`4s`, `12m`, `3h` or `9d`."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= length:
            return f"{int(seconds // length)}{unit}"
    return f"{max(0, int(seconds))}s"


def tell(out: Print, reasons: Counter[str]) -> None:
    for reason, count in reasons.most_common(_REASONS):
        out(f"  {count:>6}  {plain(reason)}")
    if len(reasons) > _REASONS:
        out(f"          and {len(reasons) - _REASONS} other reasons")


def plain(text: str | None) -> str:
    """Text that a device may have chosen, without what a terminal would act on."""
    if not text:
        return _NO
    return "".join(letter if letter.isprintable() else "�" for letter in text)
