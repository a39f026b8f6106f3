"""A stand-in for Cloud Storage's JSON API: objects in memory, by the rules that adapters rely on.

Uploads in one request, of two parts, whose MD5 is checked, on condition of a generation. Metadata, bytes and
ranges of them, lists in pages, deletion. It has no lifecycle rules, no versions, no soft deletion, and
refuses nobody.
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import md5
from itertools import count
from threading import Lock, Thread
from time import time_ns
from typing import Any
from urllib.parse import parse_qs, urlsplit

from local_cloud.web import Answer, Request, Server, json_answer

_UPLOAD = "/upload/storage/v1/b/"
_OBJECTS = "/storage/v1/b/"
_LARGEST_PAGE = 1_000
_KEPT = ("contentType", "metadata", "storageClass")


class _Problem(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class _Object:
    body: bytes
    resource: Mapping[str, Any]


class Storage:
    """Serves on `port`; `create` makes buckets, each with its default class of storage. Thread-safe."""

    def __init__(self, port: int) -> None:
        self._buckets: dict[str, dict[str, _Object]] = {}
        self._classes: dict[str, str] = {}
        self._generations = count(time_ns() // 1_000)
        self._lock = Lock()
        self._server = Server(port, self._respond)
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def create(self, buckets: Iterable[Mapping[str, Any]]) -> None:
        """From evaluated `google_storage_bucket` resources."""
        with self._lock:
            for bucket in buckets:
                self._buckets.setdefault(bucket["name"], {})
                self._classes[bucket["name"]] = bucket.get("storage_class") or "STANDARD"

    def names(self, bucket: str) -> list[str]:
        """Of all objects in a bucket."""
        with self._lock:
            return sorted(self._buckets.get(bucket, ()))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _respond(self, request: Request) -> Answer:
        try:
            return self._route(request)
        except _Problem as problem:
            error = {"error": {"code": problem.status, "message": str(problem)}}
            return json_answer(problem.status, error)

    def _route(self, request: Request) -> Answer:
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}
        if request.method == "POST" and request.path.startswith(_UPLOAD):
            bucket, _, rest = request.path.removeprefix(_UPLOAD).partition("/o")
            if rest:
                raise _Problem(404, f"There is no POST {request.path}.")
            if query.get("uploadType") != "multipart":
                raise _Problem(400, "Only uploads of the type multipart are understood.")
            return json_answer(200, self._insert(bucket, *_parts(request), query.get("ifGenerationMatch")))
        bucket, separator, name = request.path.removeprefix(_OBJECTS).partition("/o")
        if not request.path.startswith(_OBJECTS) or not separator:
            raise _Problem(404, f"There is no {request.method} {request.path}.")
        if not name and request.method == "GET":
            return json_answer(200, self._list(bucket, query))
        if request.method == "GET":
            held = self._object(bucket, name[1:])
            if query.get("alt") == "media":
                return _bytes(held, request.headers.get("range", ""))
            return json_answer(200, held.resource)
        if request.method == "DELETE":
            self._delete(bucket, name[1:])
            return Answer(204)
        raise _Problem(405, f"There is no {request.method} of an object.")

    def _insert(
        self, bucket: str, given: Mapping[str, Any], body: bytes, generation: str | None
    ) -> Mapping[str, Any]:
        name, digest = given.get("name"), b64encode(md5(body, usedforsecurity=False).digest()).decode()
        if not isinstance(name, str) or not name:
            raise _Problem(400, "The object has no name.")
        if given.get("md5Hash", digest) != digest:
            raise _Problem(400, f"The MD5 of the bytes is {digest}, not {given['md5Hash']}.")
        with self._lock:
            held = self._held(bucket)
            there = held[name].resource["generation"] if name in held else "0"
            if generation not in (None, there):
                raise _Problem(412, "At least one of the pre-conditions you specified did not hold.")
            resource = {
                "kind": "storage#object",
                "name": name,
                "bucket": bucket,
                "generation": str(next(self._generations)),
                "size": str(len(body)),
                "md5Hash": digest,
                "storageClass": self._classes[bucket],
                "contentType": "application/octet-stream",
            } | {key: given[key] for key in _KEPT if key in given}
            held[name] = _Object(body, resource)
        return resource

    def _object(self, bucket: str, name: str) -> _Object:
        with self._lock:
            found = self._held(bucket).get(name)
        if found is None:
            raise _Problem(404, f"No such object: {bucket}/{name}")
        return found

    def _delete(self, bucket: str, name: str) -> None:
        with self._lock:
            if self._held(bucket).pop(name, None) is None:
                raise _Problem(404, f"No such object: {bucket}/{name}")

    def _list(self, bucket: str, query: Mapping[str, str]) -> Mapping[str, Any]:
        """A page; its token is the name that it ends with, which is not included in the next one."""
        start, prefix = query.get("startOffset", ""), query.get("prefix", "")
        try:
            after = b64decode(query.get("pageToken", ""), validate=True).decode()
            most = min(int(query.get("maxResults", _LARGEST_PAGE)), _LARGEST_PAGE)
        except (binascii.Error, ValueError) as error:
            raise _Problem(400, f"The list is not understood ({error}).") from error
        with self._lock:
            names = sorted(self._held(bucket))
            found = [n for n in names if n.startswith(prefix) and n >= start and n > after]
            items = [self._held(bucket)[name].resource for name in found[:most]]
        page: dict[str, Any] = {"kind": "storage#objects"}
        if items:
            page["items"] = items
        if len(found) > most:
            page["nextPageToken"] = b64encode(found[most - 1].encode()).decode()
        return page

    def _held(self, bucket: str) -> dict[str, _Object]:
        if bucket not in self._buckets:
            raise _Problem(404, f"The specified bucket does not exist: {bucket}")
        return self._buckets[bucket]


def _bytes(held: _Object, asked: str) -> Answer:
    """The bytes of an object, or the range of them that is asked for."""
    headers = {
        "content-type": held.resource["contentType"],
        "x-goog-generation": held.resource["generation"],
    }
    found = re.fullmatch(r"bytes=([0-9]+)-([0-9]+)", asked)
    if found is None:
        return Answer(200, held.body, headers)
    part = held.body[int(found[1]) : int(found[2]) + 1]
    if not part:
        raise _Problem(416, "The requested range cannot be satisfied.")
    last = int(found[1]) + len(part) - 1
    return Answer(206, part, headers | {"content-range": f"bytes {found[1]}-{last}/{len(held.body)}"})


def _parts(request: Request) -> tuple[Mapping[str, Any], bytes]:
    """Metadata and bytes of a multipart/related body."""
    kind, _, boundary = request.headers.get("content-type", "").partition("boundary=")
    mark = b"--" + boundary.strip('"').encode()
    if not kind.startswith("multipart/related") or len(mark) < 3:
        raise _Problem(400, "The body is not multipart/related with a boundary.")
    if not request.body.startswith(mark) or not request.body.rstrip().endswith(b"\r\n" + mark + b"--"):
        raise _Problem(400, "The body does not begin and end with its boundary.")
    pieces = request.body.rstrip()[len(mark) : -len(mark) - 4].split(b"\r\n" + mark)
    if len(pieces) != 2:
        raise _Problem(400, "The body has not two parts.")
    (_, _, metadata), (_, separator, content) = (piece.partition(b"\r\n\r\n") for piece in pieces)
    try:
        given = json.loads(metadata)
    except ValueError as error:
        raise _Problem(400, "The metadata is not JSON.") from error
    if not separator or not isinstance(given, dict):
        raise _Problem(400, "The body is not metadata and bytes.")
    return given, content
