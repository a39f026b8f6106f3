"""The sending end of a remote link: packs, signs, sends, tries again, and says for each event what became of
it.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from twin_runtime.deadlines import WAIT_S
from twin_runtime.delivery import batching
from twin_runtime.errors import Retry
from twin_runtime.events import cloudevents
from twin_runtime.log import Log
from twin_runtime.ports import Event
from twin_runtime.wire import signing, verdict
from twin_runtime.wire.http_client import Answer, HttpClient
from twin_runtime.wire.link_client import LinkClient
from twin_runtime.wire.secret_cache import CachedSecret
from twin_runtime.wire.verdict import DELIVERED, Outcome

GZIP_ABOVE = 1024
GZIP_LEVEL = 5
"""Bytes between clouds cost more than the time to pack them: level 1 makes a tenth more of them."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Bounds of a request."""

    max_events: int = 500
    max_bytes: int = 256 * 1024


DEFAULT_POLICY = Policy()


class Sender:
    """Sends events to the receiver that the link's secret names. Thread-safe."""

    def __init__(
        self,
        secret: CachedSecret,
        *,
        log: Log,
        policy: Policy = DEFAULT_POLICY,
        wait: float = WAIT_S,
        client: HttpClient | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._policy = policy
        self._link = LinkClient(secret, log=log, wait=wait, client=client, clock=clock, sleep=sleep)

    def deliver(
        self, events: Sequence[Event], *, deadline: float, texts: Sequence[str] = ()
    ) -> list[Outcome]:
        """The outcome of each event, by position. `texts` is their JSON, where it is known.

        No request is begun after `deadline`, in `time.monotonic` seconds.
        """
        encoded = texts or batching.encode(events)
        outcomes = [DELIVERED] * len(events)
        groups = list(
            batching.pack(encoded, max_bytes=self._policy.max_bytes, max_events=self._policy.max_events)
        )
        for number, group in enumerate(groups):
            try:
                self._send(encoded, group, outcomes, deadline)
            except Retry as error:
                # What the receiver did not take now it will hardly take in the rest of this call.
                for index in (index for rest in groups[number:] for index in rest):
                    if outcomes[index] is DELIVERED:
                        outcomes[index] = Outcome("retry", error.reason)
                break
        return outcomes

    def _send(
        self, encoded: Sequence[str], group: list[int], outcomes: list[Outcome], deadline: float
    ) -> None:
        body = batching.array(encoded, group).encode("ascii")
        if len(group) == 1 and len(body) > self._policy.max_bytes:
            outcomes[group[0]] = Outcome(
                "refused", f"The event is larger than {self._policy.max_bytes} bytes."
            )
            return
        answer = self._post(body, deadline)
        if answer.status == 413 and len(group) > 1:
            half = len(group) // 2
            self._send(encoded, group[:half], outcomes, deadline)
            self._send(encoded, group[half:], outcomes, deadline)
        elif answer.status >= 400:
            for index in group:
                outcomes[index] = Outcome(
                    "refused", f"The receiver answered {answer.status}{verdict.sentence(answer)}"
                )
        else:
            for position, outcome in verdict.rejections(answer, len(group)).items():
                outcomes[group[position]] = outcome

    def _post(self, body: bytes, deadline: float) -> Answer:
        """The first final answer (2xx, or a 4xx that blames the events); raises `Retry` when the time is
        over.
        """
        id, headers = signing.webhook_id(body), {"content-type": cloudevents.BATCH_MEDIA_TYPE}
        if len(body) > GZIP_ABOVE:
            body = zlib.compress(body, GZIP_LEVEL, wbits=31)
            headers["content-encoding"] = "gzip"
        return self._link.post(body, headers, id=id, final=verdict.final, deadline=deadline)
