"""The clients of a reader: who calls, and how often each may."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from twin_runtime.errors import Retry
from twin_runtime.ports import Request
from twin_runtime.wire import signing
from twin_runtime.wire.answers import Refusal
from twin_runtime.wire.secret_cache import CachedSecret, keys_of

TWIN = "twin"
"""The client of the twin's own keys: links, Grafana, and whoever was given one."""


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
            return check_api_key(request, self._api_keys)
        return self._names.get(request.api_key_id, TWIN) if request.api_key_id else None

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


def check_api_key(request: Request, api_keys: CachedSecret) -> str:
    """Return the client whose key the request has in `x-api-key`, `TWIN` for one of the twin's own; raises
    `Refusal` 401.

    A key that is no longer in the secret is refused within `secret_cache.MAX_AGE` seconds.
    """
    given = request.header("x-api-key")
    client = signing.owner_of_key(given, _clients(api_keys.read()))
    if client is None and given:
        client = signing.owner_of_key(given, _clients(api_keys.refresh()))
    if client is None:
        raise Refusal(401, "The API key is missing or wrong.")
    return client


def _clients(secret: Mapping[str, Any]) -> Mapping[str, list[str]]:
    """The keys of each client, and of the twin itself."""
    clients = secret.get("clients", {})
    if not isinstance(clients, dict):
        raise Retry("The secret's clients are not an object.")
    return {**{name: keys_of(clients, name) for name in clients}, TWIN: keys_of(secret, "api_keys")}
