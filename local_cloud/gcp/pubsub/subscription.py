"""The messages of one subscription: who waits, who is out, who comes back when, and who is given up."""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from threading import Condition

from local_cloud.gcp.pubsub.messages import Delivery, Message
from local_cloud.gcp.pubsub.settings import Settings

GiveUp = Callable[[Message, int], None]
"""Takes a message to the dead-letter topic, with the number of its deliveries."""


@dataclass(slots=True)
class Counters:
    """Since the start. `delivered` counts every attempt, the other two a message once."""

    delivered: int = 0
    acknowledged: int = 0
    dead_lettered: int = 0


@dataclass(slots=True)
class _Held:
    message: Message
    attempts: int = 0


class Subscription:
    """Thread-safe. Times are those of `clock`, in seconds."""

    def __init__(
        self, settings: Settings, give_up: GiveUp, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.settings = settings
        self._give_up = give_up
        self._clock = clock
        self._changed = Condition()
        self._numbers = count(1)
        self._ready: deque[_Held] = deque()
        self._later: list[tuple[float, int, _Held]] = []
        """A heap of what is delivered again, by when."""
        self._out: dict[str, tuple[_Held, float]] = {}
        self._deadlines: list[tuple[float, str]] = []
        """A heap of when deliveries end; one that was acknowledged or extended meanwhile is passed over."""
        self._counters = Counters()

    def offer(self, message: Message) -> None:
        """A message of the topic; one that the filter does not take is done with."""
        if self.settings.takes(message.attributes):
            with self._changed:
                self._ready.append(_Held(message))
                self._changed.notify()

    def take(self, limit: int, *, wait: float) -> list[Delivery]:
        """Up to `limit` messages; waits for the first one. Each is out until `ack_deadline_s` is over."""
        until = self._clock() + wait
        with self._changed:
            while not (taken := self._take(limit)):
                now = self._clock()
                if now >= until:
                    return []
                self._changed.wait(min(until, self._next_change()) - now)
        return taken

    def acknowledge(self, ack_ids: Sequence[str]) -> None:
        """These are done with. An id whose deadline is over has no effect."""
        with self._changed:
            done = [self._out.pop(ack_id) for ack_id in ack_ids if ack_id in self._out]
            self._counters.acknowledged += len(done)

    def extend(self, ack_ids: Sequence[str], seconds: float) -> None:
        """Let deliveries end so many seconds from now; 0: now, which gives the messages back."""
        with self._changed:
            until = self._clock() + seconds
            for ack_id in ack_ids:
                if ack_id in self._out:
                    self._until(ack_id, self._out[ack_id][0], until)
            self._bring_back()
            self._changed.notify()

    def state(self) -> dict[str, int]:
        """The counters, `backlog` (all that is not done with) and `outstanding` (of these, who is out)."""
        with self._changed:
            outstanding = len(self._out)
            backlog = len(self._ready) + len(self._later) + outstanding
            return {**asdict(self._counters), "backlog": backlog, "outstanding": outstanding}

    def _take(self, limit: int) -> list[Delivery]:
        self._bring_back()
        taken = []
        while self._ready and len(taken) < limit:
            held = self._ready.popleft()
            held.attempts += 1
            ack_id = f"{self.settings.name}:{next(self._numbers)}"
            self._until(ack_id, held, self._clock() + self.settings.ack_deadline_s)
            attempt = held.attempts if self.settings.dead_letter_topic else None
            taken.append(Delivery(ack_id, held.message, attempt))
        self._counters.delivered += len(taken)
        if self._ready or self._later:
            # Who takes a message no longer watches for the next one.
            self._changed.notify()
        return taken

    def _until(self, ack_id: str, held: _Held, deadline: float) -> None:
        self._out[ack_id] = held, deadline
        heapq.heappush(self._deadlines, (deadline, ack_id))

    def _bring_back(self) -> None:
        """Messages whose delivery ended come back or are given up; those whose back-off is over are ready."""
        now = self._clock()
        while self._deadlines and self._deadlines[0][0] <= now:
            deadline, ack_id = heapq.heappop(self._deadlines)
            if self._out.get(ack_id, (None, None))[1] == deadline:
                self._failed(self._out.pop(ack_id)[0], now)
        while self._later and self._later[0][0] <= now:
            self._ready.append(heapq.heappop(self._later)[2])

    def _failed(self, held: _Held, now: float) -> None:
        if self.settings.dead_letter_topic and held.attempts >= self.settings.max_attempts:
            self._counters.dead_lettered += 1
            self._give_up(held.message, held.attempts)
            return
        due = now + self.settings.backoff.after(held.attempts)
        heapq.heappush(self._later, (due, next(self._numbers), held))

    def _next_change(self) -> float:
        """When to look again if nobody brings a message."""
        times = [heap[0][0] for heap in (self._later, self._deadlines) if heap]
        return min(times, default=float("inf"))
