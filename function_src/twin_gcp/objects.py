"""The cold and the archive tier in Cloud Storage buckets.

A tier's address is `gs://<bucket>`: the bucket's own class of storage, NEARLINE or ARCHIVE, is that of its
objects. All classes can be read at once.
"""

from __future__ import annotations

import json
import random
import secrets
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from hashlib import md5
from typing import Any
from urllib.parse import quote, urlencode

from twin_runtime.errors import ConfigurationError, Refused, Retry
from twin_runtime.ports import PARTS, Stored, Versioned
from twin_runtime.wire.http_client import Answer, Unreachable

from .rest import Rest

_SCHEME = "gs://"
_STANDARD = "STANDARD"
_PAGE = 1_000
_AGAIN = (408, 429, 500, 502, 503, 504)


class StorageObjects:
    """`ports.Objects` in a bucket. Thread-safe."""

    def __init__(self, bucket: str, rest: Rest, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._objects = f"storage/v1/b/{bucket}/o"
        self._rest = rest
        self._sleep = sleep

    @classmethod
    def at(cls, address: str, rest: Rest) -> StorageObjects:
        """The tier at `gs://<bucket>`."""
        bucket = address.removeprefix(_SCHEME)
        if not address.startswith(_SCHEME) or not bucket or "/" in bucket or "?" in bucket:
            raise ConfigurationError("A tier's address must be gs://<bucket>.")
        return cls(bucket, rest)

    def put(self, name: str, body: bytes, *, rows: int, sha256: str) -> None:
        more: dict[str, Any] = {"metadata": {"rows": str(rows), "sha256": sha256}}
        if name.startswith(PARTS):
            more["storageClass"] = _STANDARD
        answer = self._upload(name, body, more)
        if answer.status != 200:
            raise self._rest.failure(answer)

    def stat(self, name: str) -> Stored | None:
        answer = self._ask(lambda: self._rest.get(f"{self._path(name)}?fields=size,metadata"))
        if answer.status == 404:
            return None
        found = self._document(answer)
        try:
            metadata = found["metadata"]
            return Stored(name, int(found["size"]), int(metadata["rows"]), metadata["sha256"])
        except (KeyError, TypeError, ValueError):
            raise Refused(f"{name} has no count of rows and checksum: it is not of a twin.") from None

    def get(self, name: str, *, start: int = 0, length: int | None = None) -> bytes:
        part = "" if length is None else f"bytes={start}-{start + length - 1}"
        answer = self._ask(lambda: self._rest.download(f"{self._path(name)}?alt=media", part))
        if answer.status == 404:
            raise Refused(f"{name} is not in the bucket.")
        if answer.status not in (200, 206):
            raise self._rest.failure(answer)
        return answer.body

    def read(self, name: str) -> Versioned | None:
        answer = self._ask(lambda: self._rest.download(f"{self._path(name)}?alt=media"))
        if answer.status == 404:
            return None
        version = answer.headers.get("x-goog-generation")
        if answer.status != 200 or version is None:
            raise self._rest.failure(answer)
        return Versioned(answer.body, version)

    def replace(self, name: str, body: bytes, *, version: str | None) -> str | None:
        condition = f"&ifGenerationMatch={version or 0}"
        answer = self._upload(name, body, {"storageClass": _STANDARD}, condition)
        return None if answer.status == 412 else self._document(answer)["generation"]

    def names(self, prefix: str, *, after: str = "", limit: int = _PAGE) -> Sequence[str]:
        found: list[str] = []
        token = ""
        while len(found) < limit:
            # The list begins at an offset that is part of it, hence one more.
            query = {
                "prefix": prefix,
                "startOffset": after,
                "maxResults": str(min(limit - len(found) + 1, _PAGE)),
                "pageToken": token,
                "fields": "items/name,nextPageToken",
            }
            path = f"{self._objects}?{urlencode({k: v for k, v in query.items() if v})}"
            page = self._document(self._ask(partial(self._rest.get, path)))
            found += [item["name"] for item in page.get("items", ()) if item["name"] > after]
            token = page.get("nextPageToken", "")
            if not token:
                break
        return found[:limit]

    def delete(self, name: str) -> None:
        answer = self._ask(lambda: self._rest.delete(self._path(name)))
        if answer.status not in (200, 204, 404):
            raise self._rest.failure(answer)

    def thaw(self, name: str, *, days: int) -> bool:
        if self.stat(name) is None:
            raise Refused(f"{name} is not in the bucket.")
        return True

    def _upload(self, name: str, body: bytes, more: Mapping[str, Any], condition: str = "") -> Answer:
        digest = b64encode(md5(body, usedforsecurity=False).digest()).decode("ascii")
        resource = {"name": name, "contentType": "application/gzip", "md5Hash": digest, **more}
        boundary = secrets.token_hex(16)
        path = f"upload/{self._objects}?uploadType=multipart&fields=generation{condition}"
        whole, kind = _related(resource, body, boundary), f"multipart/related; boundary={boundary}"
        return self._ask(lambda: self._rest.upload(path, whole, kind))

    def _ask(self, call: Callable[[], Answer]) -> Answer:
        """The answer of a call, which is made again where the service asks for it: doing it twice is doing it
        once.
        """
        bounds = self._rest.bounds
        for _ in range(1, bounds.tries):
            with suppress(Unreachable):
                answer = call()
                if answer.status not in _AGAIN:
                    return answer
            self._sleep(bounds.pauses_s * random.uniform(0.1, 1))  # noqa: S311 - spreads load, hides nothing
        return call()

    def _path(self, name: str) -> str:
        return f"{self._objects}/{quote(name, safe='')}"

    def _document(self, answer: Answer) -> Mapping[str, Any]:
        if answer.status != 200:
            raise self._rest.failure(answer)
        try:
            return json.loads(answer.body)
        except ValueError as error:
            raise Retry("Cloud Storage's answer is unreadable.") from error


def _related(resource: Mapping[str, Any], body: bytes, boundary: str) -> bytes:
    """The body of an upload of metadata and bytes in one request."""
    head = (
        f"--{boundary}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n{json.dumps(resource)}\r\n"
        f"--{boundary}\r\ncontent-type: {resource['contentType']}\r\n\r\n"
    )
    return b"".join((head.encode("ascii"), body, f"\r\n--{boundary}--\r\n".encode("ascii")))
