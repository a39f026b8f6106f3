"""Calls of Azure's REST interfaces for which no light SDK exists, with a token of the app's identity."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from twin_runtime.wire.http_client import MAX_ANSWER_BYTES, Answer, HttpClient

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
        return self.request("POST", url, payload, headers, timeout=timeout)

    def request(
        self,
        method: str,
        url: str,
        payload: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout: float,
        longest_answer: int = MAX_ANSWER_BYTES,
    ) -> Answer:
        """Any method; without a body where `payload` is None. Raises `Retry` where no answer or no token
        came, or an answer of more than `longest_answer` bytes.
        """
        with translated(self._name):
            token = self._credential.get_token(self._scope).token
        body = None if payload is None else json.dumps(payload).encode("ascii")
        sent = {"authorization": f"Bearer {token}"}
        if body is not None:
            sent["content-type"] = "application/json"
        sent |= headers or {}
        return self._http.request(method, url, body, sent, timeout=timeout, longest_answer=longest_answer)
