"""What a receiver's answer means for the events that were sent."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

from twin_runtime import jsontext
from twin_runtime.errors import Retry
from twin_runtime.wire.http_client import Answer

_NOT_THE_EVENTS_FAULT = frozenset((401, 403, 404, 408, 415, 425, 429))
"""4xx that are about the key, the endpoint or the load: the messages go back to their queue.

403 is API Gateway's answer to a key that it does not know, 404 that of a receiver that is being deployed, 415
that of a receiver of another release.
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one event. `kept`: the receiver has put the refused event into its own dead letters."""

    state: Literal["delivered", "refused", "retry"]
    reason: str = ""
    kept: bool = False


DELIVERED = Outcome("delivered")


def final(answer: Answer) -> bool:
    if 200 <= answer.status < 300:
        return _document(answer) is not None
    return blames(answer)


def blames(answer: Answer) -> bool:
    """Whether the answer is a 4xx about what was sent: sending it again is of no use."""
    return 400 <= answer.status < 500 and answer.status not in _NOT_THE_EVENTS_FAULT


def passing(status: int) -> bool:
    """Whether the answer may be another in a few seconds; a wrong key or a missing endpoint lasts longer than
    a call.
    """
    return status in (408, 425, 429) or status >= 500 or 200 <= status < 300


def problem(answer: Answer) -> Retry:
    if 200 <= answer.status < 300:
        return Retry("The receiver's answer was not understood.")
    return Retry(
        f"The receiver answered {answer.status}{sentence(answer)}",
        after=_retry_after(answer.headers.get("retry-after")),
    )


def rejections(answer: Answer, count: int) -> dict[int, Outcome]:
    """The events of a 2xx answer that are refused, or to be sent again, by position in the request; raises
    `Retry` when the numbers do not agree.
    """
    told = _document(answer) or {}
    found: dict[int, Outcome] = {}
    for item in told["rejected"]:
        position = item.get("index") if isinstance(item, dict) else None
        if not isinstance(position, int) or not 0 <= position < count:
            raise Retry("The receiver's answer was not understood.")
        state = "retry" if item.get("retry") is True else "refused"
        found[position] = Outcome(state, str(item.get("reason"))[:300], item.get("kept") is True)
    if told["accepted"] + len(found) != count:
        raise Retry("The receiver's answer does not account for every event.")
    return found


def document(answer: Answer, *, max_bytes: int) -> dict[str, Any] | None:
    """The JSON object of an answer; None where it is none."""
    try:
        found = jsontext.loads(answer.body, max_bytes=max_bytes)
    except jsontext.Malformed:
        return None
    return found if isinstance(found, dict) else None


def _document(answer: Answer) -> dict[str, Any] | None:
    found = document(answer, max_bytes=1_000_000)
    good = (
        found is not None
        and isinstance(found.get("accepted"), int)
        and isinstance(found.get("rejected"), list)
    )
    return found if good else None


def sentence(answer: Answer) -> str:
    """The receiver's own one-sentence error, where it gave one."""
    error = (document(answer, max_bytes=2_000) or {}).get("error")
    return f": {error[:200]}" if isinstance(error, str) else "."


def _retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header, given as a number or as an HTTP date."""
    if value is None:
        return None
    if value.strip().isdecimal() and value.isascii() and len(value) < 8:
        return float(value)
    from email.utils import parsedate_to_datetime

    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None
