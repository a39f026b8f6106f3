"""The sending end of a remote link: packs, signs, sends, tries again, and says for each event what became of
it.
"""

from __future__ import annotations

import random
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import batching, cloudevents, signing, verdict
from .errors import Retry
from .http_client import Answer, HttpClient, Unreachable
from .log import Log
from .ports import Event
from .secret_cache import CachedSecret
from .verdict import DELIVERED, Outcome

GZIP_ABOVE = 1024
GZIP_LEVEL = 5
"""Bytes between clouds cost more than the time to pack them: level 1 makes a tenth more of them."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Bounds of a request, and times in seconds."""

    max_events: int = 500
    max_bytes: int = 900_000
    timeout: float = 15.0
    first_delay: float = 0.2
    longest_delay: float = 10.0


DEFAULT_POLICY = Policy()


class Sender:
    """Sends events to the receiver that the link's secret names. Thread-safe."""

    def __init__(
        self,
        secret: CachedSecret,
        *,
        log: Log,
        policy: Policy = DEFAULT_POLICY,
        client: HttpClient | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._secret = secret
        self._log = log
        self._policy = policy
        self._client = client or HttpClient()
        self._clock = clock
        self._sleep = sleep

    def deliver(
        self, events: Sequence[Event], *, deadline: float, texts: Sequence[str | None] = ()
    ) -> list[Outcome]:
        """The outcome of each event, by position.

        `deadline` is in `time.monotonic` seconds; `texts` is as in `batching.encode`.
        """
        encoded = batching.encode(events, texts)
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
        headers = {signing.ID: signing.webhook_id(body)}
        if len(body) > GZIP_ABOVE:
            packer = zlib.compressobj(GZIP_LEVEL, wbits=31)
            body = packer.compress(body) + packer.flush()
            headers["content-encoding"] = "gzip"
        delay, reread, problem = self._policy.first_delay, False, Retry("There was no time left to send.")
        while (left := deadline - time.monotonic()) > 0.05:
            try:
                answer = self._attempt(body, headers, min(left, self._policy.timeout))
            except Unreachable as error:
                problem = error
            else:
                if verdict.final(answer):
                    return answer
                problem = verdict.problem(answer)
                if answer.status in (401, 403) and not reread:
                    reread = True
                    self._secret.refresh()
                    continue
                if not verdict.passing(answer.status):
                    raise problem
            pause = random.uniform(0, delay) + (problem.after or 0.0)  # noqa: S311 - spreads load, hides nothing
            if pause >= deadline - time.monotonic():
                raise problem
            self._log.warning("retrying", reason=problem.reason, seconds=round(pause, 3))
            self._sleep(pause)
            delay = min(delay * 2, self._policy.longest_delay)
        raise problem

    def _attempt(self, body: bytes, given: Mapping[str, str], timeout: float) -> Answer:
        url, api_key, keys = _credentials(self._secret.read())
        headers = {
            "content-type": cloudevents.BATCH_MEDIA_TYPE,
            "accept": "application/json",
            "x-api-key": api_key,
            **given,
        }
        try:
            headers |= signing.sign(keys, body, id=given[signing.ID], timestamp=int(self._clock()))
        except ValueError as error:
            raise Retry(f"The link's secret is unusable: {error}") from None
        return self._client.post(url, body, headers, timeout=timeout)


def _credentials(secret: Mapping[str, Any]) -> tuple[str, str, list[str]]:
    url, api_key, keys = secret.get("url"), secret.get("api_key"), secret.get("signing_keys")
    if not isinstance(url, str) or not isinstance(api_key, str) or not isinstance(keys, list):
        raise Retry("The link's secret lacks url, api_key or signing_keys.")
    if not api_key.isascii() or not api_key.isprintable() or not all(isinstance(key, str) for key in keys):
        raise Retry("The link's secret has a key that cannot be sent.")
    return url, api_key, keys
