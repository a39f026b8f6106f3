"""The idempotency store: a blob for each record, in a container of the twin's host storage account.

By REST, as the SDK of blobs is one that the event checker does not load otherwise.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from twin_runtime.errors import Retry
from twin_runtime.ports import Record
from twin_runtime.wire.http_client import Answer, HttpClient

from .failures import retry
from .rest import Service

SCOPE = "https://storage.azure.com/.default"
_SERVICE = "Blob storage"
_VERSION = {"x-ms-version": "2023-11-03"}
_TAKEN = ("BlobAlreadyExists", "ConditionNotMet")
"""What the service says of a condition that does not hold."""
_TIMEOUT_S = 3.0
"""A start takes several of these calls beside the workflow's own, in the time of one function call."""


class BlobIdempotencyStore:
    """`twin_runtime.ports.IdempotencyStore` at a container's URL; a record's version is its ETag."""

    def __init__(self, url: str, credential: Any, http: HttpClient | None = None) -> None:
        self._url = url
        self._service = Service(_SERVICE, SCOPE, credential, http)

    def put_if_absent(self, name: str, text: str) -> str | None:
        return self._put(name, text, {"if-none-match": "*"})

    def replace(self, name: str, text: str, *, version: str) -> str | None:
        return self._put(name, text, {"if-match": version})

    def get(self, name: str) -> Record | None:
        answer = self._request("GET", name)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise retry(_SERVICE, answer.status, answer.headers)
        try:
            return Record(json.loads(answer.body), answer.headers["etag"])
        except (ValueError, KeyError) as error:
            raise Retry(f"{_SERVICE}'s answer is unreadable.") from error

    def _put(self, name: str, text: str, condition: dict[str, str]) -> str | None:
        answer = self._request("PUT", name, text, {"x-ms-blob-type": "BlockBlob", **condition})
        if answer.status == 201:
            return answer.headers["etag"]
        if answer.headers.get("x-ms-error-code") in _TAKEN:
            return None
        raise retry(_SERVICE, answer.status, answer.headers)

    def _request(
        self, method: str, name: str, text: str | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        return self._service.request(
            method, f"{self._url}/{quote(name)}", text, {**_VERSION, **(headers or {})}, timeout=_TIMEOUT_S
        )
