"""A stand-in for Event Grid: hands events to a function app in batches, tries again, gives up into blobs.

What waits is kept in memory: it is lost when the process ends.
"""

from __future__ import annotations

import heapq
import itertools
import json
import logging
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import urllib3

from twin_runtime.deadlines import EVENT_GRID_S

DELAYS_S = (10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0, 10_800.0, 21_600.0, 43_200.0)
"""Pauses before a further attempt; the last one also before those that follow."""
_NEVER_AGAIN = (400, 413)
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Policy:
    """An event subscription's own: batches, retries."""

    max_events: int
    max_bytes: int
    attempts: int
    ttl_s: float


@dataclass
class Waiting:
    """An event that is not delivered yet, with what dead-lettering says about it."""

    text: str
    published: float
    attempts: int = 0
    tried: float = 0.0
    outcome: str = ""
    status: int | None = None


GiveUp = Callable[[Sequence[str]], None]
"""Keeps dead letters, each the JSON text of an event with the reason."""


@dataclass
class Delivery:
    """One event subscription. `hasten` divides the pauses before a further attempt."""

    url: str
    policy: Policy
    give_up: GiveUp
    ca_file: str
    hasten: float = 1.0
    senders: int = 4
    _ready: threading.Condition = field(default_factory=threading.Condition)
    _due: list[tuple[float, int, list[Waiting]]] = field(default_factory=list)
    _fresh: list[Waiting] = field(default_factory=list)
    _order: Any = field(default_factory=itertools.count)

    def start(self) -> None:
        context = ssl.create_default_context(cafile=self.ca_file)
        self._http = urllib3.PoolManager(ssl_context=context, maxsize=self.senders, retries=False)
        for _ in range(self.senders):
            threading.Thread(target=self._send_for_ever, daemon=True).start()

    def publish(self, text: str) -> None:
        with self._ready:
            self._fresh.append(Waiting(text, time.time()))
            self._ready.notify()

    def _send_for_ever(self) -> None:
        while True:
            batch = self._next()
            try:
                self._deliver(batch)
            except Exception:
                _LOG.exception("A batch of events was lost.")

    def _next(self) -> list[Waiting]:
        """A batch whose time has come, else one of what is new. A batch that failed stays together."""
        with self._ready:
            while True:
                now = time.monotonic()
                if self._due and self._due[0][0] <= now:
                    return heapq.heappop(self._due)[2]
                if self._fresh:
                    return self._take()
                self._ready.wait(max(0.0, self._due[0][0] - now) if self._due else None)

    def _take(self) -> list[Waiting]:
        count, size = 0, 0
        for waiting in self._fresh[: self.policy.max_events]:
            size += len(waiting.text)
            if count and size > self.policy.max_bytes:
                break
            count += 1
        batch, self._fresh = self._fresh[:count], self._fresh[count:]
        return batch

    def _deliver(self, batch: list[Waiting]) -> None:
        status, outcome = self._post(batch)
        if status is not None and 200 <= status < 300:
            return
        now = time.time()
        for waiting in batch:
            waiting.attempts += 1
            waiting.tried, waiting.outcome, waiting.status = now, outcome, status
        over = [waiting for waiting in batch if self._is_over(waiting, status, now)]
        if over:
            reason = (
                "TimeToLiveExceeded"
                if over[0].attempts < self.policy.attempts
                else "MaxDeliveryAttemptsExceeded"
            )
            if status in _NEVER_AGAIN:
                reason = outcome
            self.give_up([_dead(waiting, reason) for waiting in over])
        again = [waiting for waiting in batch if waiting not in over]
        if again:
            pause = DELAYS_S[min(again[0].attempts, len(DELAYS_S)) - 1] / self.hasten
            with self._ready:
                heapq.heappush(self._due, (time.monotonic() + pause, next(self._order), again))
                self._ready.notify()

    def _post(self, batch: list[Waiting]) -> tuple[int | None, str]:
        body = "[" + ",".join(waiting.text for waiting in batch) + "]"
        headers = {"content-type": "application/json; charset=utf-8", "aeg-event-type": "Notification"}
        try:
            answer = self._http.request(
                "POST",
                self.url,
                body=body.encode(),
                headers=headers,
                timeout=urllib3.Timeout(total=EVENT_GRID_S),
            )
        except urllib3.exceptions.HTTPError as error:
            late = isinstance(error, urllib3.exceptions.ReadTimeoutError)
            return None, "TimedOut" if late else "Unreachable"
        return answer.status, {400: "BadRequest", 413: "RequestEntityTooLarge"}.get(answer.status, "Error")

    def _is_over(self, waiting: Waiting, status: int | None, now: float) -> bool:
        late = now - waiting.published > self.policy.ttl_s / self.hasten
        return late or waiting.attempts >= self.policy.attempts or status in _NEVER_AGAIN


def dead_letter_name(subscription: str) -> str:
    """Where Event Grid puts a blob of dead letters in its container."""
    now = datetime.now(UTC)
    return f"{subscription.upper()}/{now.year}/{now.month}/{now.day}/{now.hour}/{uuid.uuid4()}.json"


def _dead(waiting: Waiting, reason: str) -> str:
    """The event with why and when it was given up; its own text is not touched."""
    said = {
        "deadLetterReason": reason,
        "deliveryAttempts": waiting.attempts,
        "lastDeliveryOutcome": waiting.outcome,
        "lastHttpStatusCode": waiting.status,
        "publishTime": _moment(waiting.published),
        "lastDeliveryAttemptTime": _moment(waiting.tried),
    }
    return f"{waiting.text[:-1]}, {json.dumps(said)[1:]}"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
