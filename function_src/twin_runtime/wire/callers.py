"""The clients of a reader: who calls, and how often each may."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping

from twin_runtime.ports import Request
from twin_runtime.wire import gate
from twin_runtime.wire.answers import Refusal
from twin_runtime.wire.secret_cache import CachedSecret


class TokenBuckets:
    """A token bucket per client: `rate` requests a second, and `burst` at once after a pause. Thread-safe.

    It limits one instance of a function. Clients are as many as the secret has, so none is forgotten.
    """

    def __init__(self, rate: float, burst: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self.burst = burst
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: dict[str, tuple[float, float]] = {}

    def take(self, client: str) -> float:
        """Take a token and return 0; where there is none, the seconds until there is one."""
        with self._lock:
            now = self._clock()
            tokens, at = self._tokens.get(client, (self.burst, now))
            tokens = min(self.burst, tokens + (now - at) * self.rate)
            taken = tokens >= 1
            self._tokens[client] = (tokens - 1 if taken else tokens, now)
            return 0.0 if taken else (1 - tokens) / self.rate


class Callers:
    """Whose key a request has. `api_keys` is None where the platform checks the key; `names` has the clients
    by the id of their key there, and `buckets` is None, because the platform limits them too.
    """

    def __init__(
        self,
        api_keys: CachedSecret | None,
        *,
        names: Mapping[str, str] | None = None,
        buckets: TokenBuckets | None = None,
    ) -> None:
        self._api_keys = api_keys
        self._names = names or {}
        self._buckets = buckets

    def client(self, request: Request) -> str | None:
        """The name of the client, None where nobody checked a key; raises `Refusal` 401."""
        if self._api_keys is not None:
            return gate.check_api_key(request, self._api_keys)
        return self._names.get(request.api_key_id, gate.TWIN) if request.api_key_id else None

    def limit(self, client: str | None) -> None:
        """Raise `Refusal` 429 where the client has made too many requests."""
        if client is None or self._buckets is None:
            return
        if wait := self._buckets.take(client):
            raise Refusal(
                429,
                f"More than {self._buckets.rate:g} requests per second; try again later.",
                {"retry-after": str(math.ceil(wait))},
                client=client,
            )
