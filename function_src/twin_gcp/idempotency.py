"""The idempotency store: an object for each record, in a Cloud Storage bucket."""

from __future__ import annotations

import json
from urllib.parse import quote, urlencode

from twin_runtime.errors import ConfigurationError, Refused, Retry
from twin_runtime.ports import Record
from twin_runtime.wire.http_client import Answer

from .rest import Rest

_SCHEME = "gs://"
_ABSENT = "0"
"""The generation of an object that is not there."""
_TIMEOUT_S = 3.0
"""A start takes several of these calls beside the workflow's own, in the time of one function call."""


class StorageIdempotencyStore:
    """`ports.IdempotencyStore` at `gs://<bucket>`; a record's version is its generation."""

    def __init__(self, address: str, rest: Rest) -> None:
        bucket = address.removeprefix(_SCHEME)
        if not address.startswith(_SCHEME) or not bucket or "/" in bucket or "?" in bucket:
            raise ConfigurationError("The idempotency store's address must be gs://<bucket>.")
        self._objects = f"storage/v1/b/{bucket}/o"
        self._rest = rest

    def put_if_absent(self, name: str, text: str) -> str | None:
        return self._put(name, text, _ABSENT)

    def replace(self, name: str, text: str, *, version: str) -> str | None:
        return self._put(name, text, version)

    def get(self, name: str) -> Record | None:
        path = f"{self._objects}/{quote(name, safe='')}?alt=media"
        answer = self._rest.get(path, timeout=_TIMEOUT_S)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise self._failure(answer)
        try:
            return Record(json.loads(answer.body), answer.headers["x-goog-generation"])
        except (ValueError, KeyError) as error:
            raise Retry("Cloud Storage's answer is unreadable.") from error

    def _put(self, name: str, text: str, generation: str) -> str | None:
        query = {
            "uploadType": "media",
            "name": name,
            "ifGenerationMatch": generation,
            "fields": "generation",
        }
        answer = self._rest.post(f"upload/{self._objects}?{urlencode(query)}", text, timeout=_TIMEOUT_S)
        if answer.status == 412:
            return None
        if answer.status != 200:
            raise self._failure(answer)
        try:
            return json.loads(answer.body)["generation"]
        except (ValueError, KeyError) as error:
            raise Retry("Cloud Storage's answer is unreadable.") from error

    def _failure(self, answer: Answer) -> Retry:
        """A request that the service refuses is the store's fault, not the event's: it is made again."""
        failure = self._rest.failure(answer)
        return Retry(failure.reason) if isinstance(failure, Refused) else failure
