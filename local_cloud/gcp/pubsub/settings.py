"""What a subscription is set to, read from its JSON in the API."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]{1,9})?)s")
_FILTER = re.compile(r'attributes\.([A-Za-z_][\w-]*)\s*=\s*"((?:[^"\\]|\\.)*)"')
_DEFAULT_DEADLINE_S = 10

Filter = Callable[[Mapping[str, str]], bool]
"""Whether a subscription takes a message with these attributes."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds before a message is delivered again: the least after its first delivery, then twice as long
    each time up to the most. Both zero: at once.
    """

    least: float = 0.0
    most: float = 0.0

    def after(self, attempt: int) -> float:
        # The exponent is bounded, because a float is.
        return min(self.most, self.least * 2.0 ** min(attempt - 1, 60))


@dataclass(frozen=True, slots=True)
class Settings:
    """`name`, `topic` and `dead_letter_topic` are whole paths; `endpoint` is None where it is pulled."""

    name: str
    topic: str
    takes: Filter
    ack_deadline_s: float = _DEFAULT_DEADLINE_S
    backoff: Backoff = Backoff()
    endpoint: str | None = None
    dead_letter_topic: str | None = None
    max_attempts: int = 0


def read(name: str, document: Mapping[str, Any]) -> Settings:
    """Raises `ValueError` for what Pub/Sub would refuse, and for a filter beyond `attributes.x = "y"`."""
    retry, dead = document.get("retryPolicy"), document.get("deadLetterPolicy") or {}
    attempts = int(dead.get("maxDeliveryAttempts") or 5)
    if not 5 <= attempts <= 100:
        raise ValueError("maxDeliveryAttempts is 5 to 100")
    return Settings(
        name=name,
        topic=str(document.get("topic", "")),
        takes=attribute_filter(document.get("filter") or ""),
        ack_deadline_s=float(document.get("ackDeadlineSeconds") or _DEFAULT_DEADLINE_S),
        backoff=_backoff(retry) if retry else Backoff(),
        endpoint=(document.get("pushConfig") or {}).get("pushEndpoint") or None,
        dead_letter_topic=dead.get("deadLetterTopic"),
        max_attempts=attempts if dead else 0,
    )


def seconds(duration: str) -> float:
    """`10s` as a number; raises `ValueError`."""
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise ValueError(f"{duration!r} is not a duration")
    return float(match[1])


def attribute_filter(text: str) -> Filter:
    """The filter that `text` stands for; an empty one takes every message. Raises `ValueError`."""
    if not text:
        return lambda attributes: True
    match = _FILTER.fullmatch(text.strip())
    if match is None:
        raise ValueError(f'the filter {text!r} is not of the form attributes.name = "value"')
    name, value = match[1], re.sub(r"\\(.)", r"\1", match[2])
    return lambda attributes: attributes.get(name) == value


def _backoff(policy: Mapping[str, Any]) -> Backoff:
    least = seconds(policy.get("minimumBackoff") or "10s")
    most = seconds(policy.get("maximumBackoff") or "600s")
    if least > most or most > 600:
        raise ValueError("minimumBackoff is at most maximumBackoff, which is at most 600s")
    return Backoff(least, most)
