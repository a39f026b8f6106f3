"""Calls of Azure's REST interfaces for which no light SDK exists, with a token of the app's identity."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from twin_runtime.http_client import Answer, HttpClient

from .failures import translated


class Service:
    """One service that takes tokens for `scope`. Thread-safe; connections are kept alive."""

    def __init__(self, name: str, scope: str, credential: Any, http: HttpClient | None = None) -> None:
        self._name = name
        self._scope = scope
        self._credential = credential
        self._http = http or HttpClient()

    def post(
        self,
        url: str,
        payload: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
        *,
        timeout: float,
    ) -> Answer:
        """POST JSON. Raises `Retry` where no answer or no token came."""
        with translated(self._name):
            token = self._credential.get_token(self._scope).token
        sent = {"authorization": f"Bearer {token}", "content-type": "application/json", **(headers or {})}
        return self._http.post(url, json.dumps(payload).encode("ascii"), sent, timeout=timeout)
