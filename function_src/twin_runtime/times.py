"""Times: RFC 3339 in any offset and precision comes in, UTC with six fractional digits goes on.

`2024-02-29T13:00:00+01:00` becomes `2024-02-29T12:00:00.000000Z`. The fixed width makes text order the order
in time. Digits beyond the microsecond are cut; a leap second becomes the second after it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

EARLIEST = "0001-01-01T00:00:00.000000Z"
LATEST = "9999-12-31T23:59:59.999999Z"

_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:)([0-9]{2})"
    r"(\.[0-9]{1,12})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)

FIXED = r"[0-9]{4}+-[0-9]{2}+-[0-9]{2}+T[0-9]{2}+:[0-9]{2}+:[0-9]{2}+\.[0-9]{6}+Z"
"""A regular expression of the fixed-width form; see `exists`. Possessive, which takes half the time."""
_FIXED = re.compile(FIXED)


def normalise(value: object) -> str:
    """The fixed-width UTC form; raises `ValueError` with one sentence."""
    if isinstance(value, str) and _FIXED.fullmatch(value) and exists(value):
        return value
    match = _RFC3339.fullmatch(value) if isinstance(value, str) and len(value) <= 48 else None
    if match is None:
        raise ValueError("The time must be RFC 3339 text with an offset, such as 2024-02-29T12:00:00Z.")
    date, minutes, seconds, fraction, offset = match.groups()
    leap = seconds == "60"
    text = f"{date}T{minutes}{'59' if leap else seconds}{(fraction or '.0')[:7]}{offset.upper()}"
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
        if leap:
            moment = moment.replace(microsecond=0) + timedelta(seconds=1)
    except (ValueError, OverflowError):
        raise ValueError("The time is not a date and time that exists.") from None
    return _text(moment)


def exists(fixed: str) -> bool:
    """Whether a text of the form `FIXED` is a date and time that exists."""
    try:
        datetime.fromisoformat(fixed)
    except ValueError:
        return False
    return True


def compact(fixed: str) -> str:
    """The shortest form of a fixed-width time in UTC, `20240229T120000.250000Z`: without a fraction of 0."""
    short = fixed.replace("-", "").replace(":", "")
    return short.replace(".000000Z", "Z")


def from_epoch(seconds: float) -> str:
    """The fixed-width form of a Unix time in seconds."""
    return _text(datetime.fromtimestamp(seconds, UTC))


def to_epoch(fixed: str) -> float:
    """The Unix time of a time in the fixed-width form."""
    return datetime.fromisoformat(fixed).timestamp()


def after(fixed: str) -> str:
    """A microsecond later than a time in the fixed-width form; `LATEST` is the last there is."""
    if fixed >= LATEST:
        return LATEST
    return _text(datetime.fromisoformat(fixed) + timedelta(microseconds=1))


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")[:26] + "Z"
