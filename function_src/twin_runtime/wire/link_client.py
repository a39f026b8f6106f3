"""Signed requests over a remote link, tried again in good order: what senders, movers and readers share."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from twin_runtime.deadlines import WAIT_S
from twin_runtime.errors import Retry
from twin_runtime.log import Log
from twin_runtime.wire import signing, verdict
from twin_runtime.wire.http_client import MAX_ANSWER_BYTES, Answer, HttpClient, Unreachable
from twin_runtime.wire.secret_cache import CachedSecret

_Signed = tuple[str, dict[str, str]]
"""A URL, and the headers that show who asks."""
_Attempt = Callable[[str, Mapping[str, str], float], Answer]
Final = Callable[[Answer], bool]
"""Whether an answer settles the request; others are tried again, or raised."""


_FIRST_DELAY_S = 0.2
_LONGEST_DELAY_S = 10.0
_SHORTEST_S = 0.05
"""Less is no time to ask in."""


class LinkClient:
    """Requests to the receiver that the link's secret names. Thread-safe.

    A request is given `wait` seconds, in which every receiver has answered: one that is cut short may have
    been done. So it is begun until its deadline, and ends that much later.
    """

    def __init__(
        self,
        secret: CachedSecret,
        *,
        log: Log,
        wait: float = WAIT_S,
        client: HttpClient | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._secret = secret
        self._log = log
        self._wait = wait
        self._client = client or HttpClient()
        self._clock = clock
        self._sleep = sleep

    def post(
        self,
        body: bytes,
        headers: Mapping[str, str],
        *,
        id: str,
        final: Final,
        deadline: float,
        until: float = math.inf,
        longest_answer: int = MAX_ANSWER_BYTES,
    ) -> Answer:
        """The first final answer; raises `Retry` when there is none to the requests that were begun before
        `deadline`, in `time.monotonic` seconds. After `until` an answer is of no use: that is for what only
        asks. `id` is the webhook's: the same whenever the same thing is sent.
        """

        def attempt(url: str, given: Mapping[str, str], timeout: float) -> Answer:
            return self._client.request(
                "POST", url, body, {**headers, **given}, timeout=timeout, longest_answer=longest_answer
            )

        return self._settled(attempt, lambda: self._signed(body, id), final, deadline, until)

    def get(self, query: Mapping[str, str], *, final: Final, deadline: float, longest_answer: int) -> Answer:
        """As `post`. Signed is the query, in its canonical form."""
        text = signing.canonical_query(query)
        body = text.encode("ascii")

        def attempt(url: str, given: Mapping[str, str], timeout: float) -> Answer:
            target = f"{url}{'&' if '?' in url else '?'}{text}"
            return self._client.request(
                "GET", target, None, given, timeout=timeout, longest_answer=longest_answer
            )

        return self._settled(
            attempt, lambda: self._signed(body, signing.webhook_id(body)), final, deadline, math.inf
        )

    def _settled(
        self, attempt: _Attempt, signed: Callable[[], _Signed], final: Final, deadline: float, until: float
    ) -> Answer:
        delay, reread, problem = _FIRST_DELAY_S, False, Retry("There was no time left to send.")
        while True:
            url, headers = signed()
            now = time.monotonic()  # the secret takes its time as well
            if now >= deadline or until - now < _SHORTEST_S:
                raise problem
            try:
                answer = attempt(url, headers, min(self._wait, until - now))
            except Unreachable as error:
                problem = error
            else:
                if final(answer):
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
            delay = min(delay * 2, _LONGEST_DELAY_S)

    def _signed(self, body: bytes, id: str) -> _Signed:
        url, api_key, keys = _credentials(self._secret.read())
        headers = {"accept": "application/json", "x-api-key": api_key}
        try:
            headers |= signing.sign(keys, body, id=id, timestamp=int(self._clock()))
        except ValueError as error:
            raise Retry(f"The link's secret is unusable: {error}") from None
        return url, headers


def _credentials(secret: Mapping[str, Any]) -> tuple[str, str, list[str]]:
    url, api_key, keys = secret.get("url"), secret.get("api_key"), secret.get("signing_keys")
    if not isinstance(url, str) or not isinstance(api_key, str) or not isinstance(keys, list):
        raise Retry("The link's secret lacks url, api_key or signing_keys.")
    if not api_key.isascii() or not api_key.isprintable() or not all(isinstance(key, str) for key in keys):
        raise Retry("The link's secret has a key that cannot be sent.")
    return url, api_key, keys
