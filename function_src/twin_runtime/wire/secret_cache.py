"""A secret, cached: read at most once a minute, and again on demand at most every few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from twin_runtime import jsontext
from twin_runtime.errors import Retry, SecretMissing
from twin_runtime.log import Log, failure
from twin_runtime.ports import SecretSource

MAX_AGE = 60.0
"""Seconds after which a value is read again: a rotation is seen without a redeployment."""
MIN_INTERVAL = 3.0
"""Seconds between two reads on demand: wrong signatures must not become a load on the secret's service."""


class CachedSecret:
    """One secret. Thread-safe; several threads that need it read it once."""

    def __init__(
        self, source: SecretSource, *, log: Log | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._source = source
        self._log = log
        self._clock = clock
        self._lock = threading.Lock()
        self._text: str | None = None
        self._parsed: dict[str, Any] | None = None
        self._read_at = self._tried_at = float("-inf")

    def read(self) -> dict[str, Any]:
        """The secret's JSON object, at most `MAX_AGE` old; raises `SecretMissing`, or `Retry` when
        unreadable.
        """
        with self._lock:
            if not self._fresh(self._read_at, MAX_AGE):
                self._fetch()
            return self._object()

    def refresh(self) -> dict[str, Any]:
        """As `read`, but read anew unless that was done in the last `MIN_INTERVAL` seconds."""
        with self._lock:
            self._fetch()
            return self._object()

    def read_text(self) -> str:
        """The text of a secret that is not JSON."""
        with self._lock:
            if not self._fresh(self._read_at, MAX_AGE):
                self._fetch()
            if self._text is None:
                raise SecretMissing("The secret is not there yet.")
            return self._text

    def _fresh(self, since: float, age: float) -> bool:
        # A wall clock that was set back gives a negative age: read again.
        return 0 <= self._clock() - since < age

    def _fetch(self) -> None:
        if self._fresh(self._tried_at, MIN_INTERVAL):
            return
        began = self._clock()
        try:
            text = self._fetched()
        except SecretMissing:
            self._text = self._parsed = None
            raise
        except Exception as error:
            if self._log:
                self._log.warning("secret_unreadable", reason=failure(error), stale=self._text is not None)
            if self._text is None:
                raise Retry("The secret could not be read.") from error
            return
        if text != self._text:
            self._text, self._parsed = text, None
        self._read_at = began

    def _fetched(self) -> str:
        try:
            return self._source.fetch()
        finally:
            # At its end: whoever waited for a try that failed would begin the next one.
            self._tried_at = self._clock()

    def _object(self) -> dict[str, Any]:
        if self._text is None:
            raise SecretMissing("The secret is not there yet.")
        if self._parsed is None:
            try:
                value = jsontext.loads(self._text, max_bytes=1_000_000)
            except jsontext.Malformed:
                raise Retry("The secret is not JSON.") from None
            if not isinstance(value, dict):
                raise Retry("The secret is not a JSON object.")
            self._parsed = value
        return self._parsed


def keys_of(secret: Mapping[str, Any], name: str) -> list[str]:
    """The keys of that name in a secret; raises `Retry` where there are none."""
    keys = secret.get(name)
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) for key in keys):
        raise Retry(f"The secret has no {name}.")
    return keys
