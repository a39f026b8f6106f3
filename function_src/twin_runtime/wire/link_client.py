"""Signed requests over a remote link, tried again in good order: what senders, movers and readers share."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from twin_runtime.errors import Retry
from twin_runtime.log import Log
from twin_runtime.wire import signing, verdict
from twin_runtime.wire.http_client import MAX_ANSWER_BYTES, Answer, HttpClient, Unreachable
from twin_runtime.wire.secret_cache import CachedSecret

Final = Callable[[Answer], bool]
"""Whether an answer settles the request; others are tried again, or raised."""


class Pace(Protocol):
    """Times in seconds: of one attempt, and between two."""

    @property
    def timeout(self) -> float: ...

    @property
    def first_delay(self) -> float: ...

    @property
    def longest_delay(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Steady:
    """A `Pace` for requests that carry much, or ask for much."""

    timeout: float = 30.0
    first_delay: float = 0.2
    longest_delay: float = 10.0


STEADY = Steady()


class LinkClient:
    """Requests to the receiver that the link's secret names. Thread-safe."""

    def __init__(
        self,
        secret: CachedSecret,
        *,
        log: Log,
        pace: Pace = STEADY,
        client: HttpClient | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._secret = secret
        self._log = log
        self._pace = pace
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
        longest_answer: int = MAX_ANSWER_BYTES,
    ) -> Answer:
        """The first final answer; raises `Retry` when there is none before `deadline`, in `time.monotonic`
        seconds, or hardly could be. `id` is the webhook's: the same whenever the same thing is sent.
        """

        def attempt(timeout: float) -> Answer:
            url, given = self._signed(body, id)
            return self._client.request(
                "POST", url, body, {**headers, **given}, timeout=timeout, longest_answer=longest_answer
            )

        return self._settled(attempt, final, deadline)

    def get(self, query: Mapping[str, str], *, final: Final, deadline: float, longest_answer: int) -> Answer:
        """As `post`. Signed is the query, in its canonical form."""
        text = signing.canonical_query(query)
        body = text.encode("ascii")

        def attempt(timeout: float) -> Answer:
            url, given = self._signed(body, signing.webhook_id(body))
            target = f"{url}{'&' if '?' in url else '?'}{text}"
            return self._client.request(
                "GET", target, None, given, timeout=timeout, longest_answer=longest_answer
            )

        return self._settled(attempt, final, deadline)

    def _settled(self, attempt: Callable[[float], Answer], final: Final, deadline: float) -> Answer:
        delay, reread, problem = self._pace.first_delay, False, Retry("There was no time left to send.")
        while (left := deadline - time.monotonic()) > 0.05:
            try:
                answer = attempt(min(left, self._pace.timeout))
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
            delay = min(delay * 2, self._pace.longest_delay)
        raise problem

    def _signed(self, body: bytes, id: str) -> tuple[str, dict[str, str]]:
        """The URL, and the headers that show who asks."""
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
