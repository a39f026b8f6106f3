"""The query of a hot read: parameters, their errors, and the cursor."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twin_runtime import times
from twin_runtime.events import clocks
from twin_runtime.events.cloudevents import LONGEST_ID
from twin_runtime.model import Twin
from twin_runtime.wire.answers import Refusal

DEFAULT_LIMIT = 100
MAX_LIMIT = 1_000
PARAMETERS = ("device", "from", "to", "limit", "cursor", "order", "latest", "tier", "type")
_OTHER_CURSOR = "The cursor is not one that was given for this device and order."
_NOT_OF_A_TYPE = {"from", "to", "order", "tier"}
_KEY = re.compile(rf"({times.FIXED})#[!-~]{{1,{LONGEST_ID}}}")


@dataclass(frozen=True, slots=True)
class RangeQuery:
    """What is asked for: start <= time < end, from `cursor` (a row's key) on. `all_tiers`: also of the cold
    tier.
    """

    device: str
    start: str
    end: str
    limit: int
    cursor: str | None
    descending: bool
    all_tiers: bool = False


@dataclass(frozen=True, slots=True)
class TypeQuery:
    """The newest event of each device of a type: of the first `limit` of them by name, after `after`."""

    type: str
    limit: int
    after: str


def parse(query: Mapping[str, str | Sequence[str]], twin: Twin, now: float) -> RangeQuery | TypeQuery:
    """The query of a request; the latest event is the latest one that is plausible at `now`.

    Raises `answers.Refusal` with 400 or, for an unknown device, 404.
    """
    given = {name: _single(name, value) for name, value in query.items()}
    unknown = sorted(given.keys() - set(PARAMETERS))
    if unknown:
        raise Refusal(400, f"There is no such parameter; the parameters are {', '.join(PARAMETERS)}.")
    latest = _word(given, "latest", "false", ("true", "false")) == "true"
    if "type" in given:
        return _of_type(given, twin, latest)
    device = given.get("device")
    if not device:
        raise Refusal(400, "The parameter device is missing.")
    if device not in twin.devices:
        raise Refusal(404, "The device is not known to this twin.")
    others = sorted(given.keys() & {"from", "to", "cursor", "order"})
    if latest and others:
        raise Refusal(400, f"The parameter latest cannot be combined with {others[0]}.")
    descending = latest or _word(given, "order", "asc", ("asc", "desc")) == "desc"
    start = _time(given, "from", times.EARLIEST)
    end = clocks.latest(now) if latest else _time(given, "to", times.LATEST)
    if start > end:
        raise Refusal(400, "The parameter from is after to.")
    limit = _limit(given.get("limit"), 1 if latest else DEFAULT_LIMIT)
    cursor = _open_cursor(given["cursor"], device, descending) if "cursor" in given else None
    all_tiers = _word(given, "tier", "hot", ("hot", "all")) == "all"
    return RangeQuery(device, start, end, limit, cursor, descending, all_tiers)


def cursor_after(query: RangeQuery, key: str) -> str:
    """The opaque cursor that goes on after the row with `key`."""
    return _closed("desc" if query.descending else "asc", query.device, key)


def cursor_after_device(query: TypeQuery, device: str) -> str:
    """The opaque cursor that goes on after the device."""
    return _closed("type", query.type, device)


def is_key(text: str) -> bool:
    """Whether a text can be the key of a row: a time that exists, and an id."""
    found = _KEY.fullmatch(text)
    return found is not None and times.exists(found[1])


def _of_type(given: Mapping[str, str], twin: Twin, latest: bool) -> TypeQuery:
    type = given["type"]
    if "device" in given:
        raise Refusal(400, "The parameter type cannot be combined with device.")
    if not latest:
        raise Refusal(400, "The parameter type needs latest=true beside it.")
    others = sorted(given.keys() & _NOT_OF_A_TYPE)
    if others:
        raise Refusal(400, f"The parameter type cannot be combined with {others[0]}.")
    if type not in twin.device_types:
        raise Refusal(404, "The type is not known to this twin.")
    after = _opened(given["cursor"], "type", type) if "cursor" in given else ""
    return TypeQuery(type, _limit(given.get("limit"), DEFAULT_LIMIT), after)


def _open_cursor(cursor: str, device: str, descending: bool) -> str:
    key = _opened(cursor, "desc" if descending else "asc", device)
    if not is_key(key):
        raise Refusal(400, _OTHER_CURSOR)
    return key


def _closed(kind: str, owner: str, place: str) -> str:
    return urlsafe_b64encode(f"{kind}\n{owner}\n{place}".encode()).decode().rstrip("=")


def _opened(cursor: str, kind: str, owner: str) -> str:
    """The place that a cursor of this kind and owner stands for; raises `Refusal`."""
    refusal = Refusal(400, _OTHER_CURSOR)
    if len(cursor) > 1_000:
        raise refusal
    try:
        text = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode()
        found_kind, found_owner, place = text.split("\n")
    except ValueError:
        raise refusal from None
    if (found_kind, found_owner) != (kind, owner):
        raise refusal
    return place


def _single(name: str, value: str | Sequence[str]) -> str:
    values = [value] if isinstance(value, str) else list(value)
    if len(values) != 1:
        raise Refusal(400, f"The parameter {name if name in PARAMETERS else 'that'} is given more than once.")
    return values[0]


def _word(given: Mapping[str, str], name: str, default: str, words: tuple[str, ...]) -> str:
    value = given.get(name, default)
    if value not in words:
        raise Refusal(400, f"The parameter {name} must be {' or '.join(words)}.")
    return value


def _time(given: Mapping[str, str], name: str, default: str) -> str:
    if name not in given:
        return default
    try:
        # A '+' of an offset that was not percent-encoded arrives as a space.
        return times.normalise(re.sub(r" (?=[0-9]{2}:[0-9]{2}$)", "+", given[name]))
    except ValueError:
        raise Refusal(
            400, f"The parameter {name} must be RFC 3339 with an offset, such as 2024-02-29T12:00:00Z."
        ) from None


def _limit(value: str | None, default: int) -> int:
    if value is None:
        return default
    if not (value.isascii() and value.isdecimal() and len(value) < 6 and 1 <= int(value) <= MAX_LIMIT):
        raise Refusal(400, f"The parameter limit must be a whole number from 1 to {MAX_LIMIT}.")
    return int(value)
