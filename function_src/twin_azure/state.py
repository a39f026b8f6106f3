"""The state store: an entity for each record, in a table of the twin's host storage account.

By REST, as the SDK of tables is one that nothing else loads. A record is a partition of its own: partitions
spread over Azure's servers, and each is read by its key. Its text is binary, because a text of a table holds
32,768 characters, and 64 KiB of bytes.

A record's version is its ETag. The entity also carries a random token of its writer. Where a write is sent
again, because the answer to the first was lost, a condition that does not hold may be its own doing: it reads
the entity back, and its own token tells.
"""

from __future__ import annotations

import json
import secrets
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from typing import Any, NamedTuple

from twin_runtime import deadlines
from twin_runtime.deadlines import Service as Called
from twin_runtime.errors import Retry
from twin_runtime.ports import Record
from twin_runtime.roles import Cloud
from twin_runtime.wire.http_client import Answer, HttpClient, Unreachable

from .bounds import of_rest
from .failures import retry
from .rest import Service

SCOPE = "https://storage.azure.com/.default"
_SERVICE = "Table storage"
_HEADERS = {
    "accept": "application/json;odata=nometadata",
    "dataserviceversion": "3.0",
    "x-ms-version": "2023-11-03",
}
_ABSENT = "ResourceNotFound"
"""What the service says of an entity that is not there; it says `TableNotFound` of a table."""
_TAKEN = ("EntityAlreadyExists", "UpdateConditionNotSatisfied", _ABSENT)
"""What the service says of a condition that does not hold."""
_TOGETHER = 8
"""Names that are read side by side."""
_TIMEOUT_S = of_rest(Called.STATE)
"""Of one request."""
_WHOLE_S = deadlines.bounds(Cloud.AZURE, Called.STATE).tries * _TIMEOUT_S
"""Of a call with all its requests."""


class _Entity(NamedTuple):
    record: Record
    writer: str


class TableStateStore:
    """`twin_runtime.ports.StateStore` at a table's URL. Thread-safe."""

    def __init__(self, url: str, credential: Any, http: HttpClient | None = None) -> None:
        self._url = url
        self._service = Service(_SERVICE, SCOPE, credential, http)

    def read(self, names: Sequence[str]) -> Mapping[str, Record]:
        until = time.monotonic() + _WHOLE_S
        if len(names) < 2:
            found = [self._entity(name, until) for name in names]
        else:
            with ThreadPoolExecutor(min(len(names), _TOGETHER)) as pool:
                found = list(pool.map(lambda name: self._entity(name, until), names))
        return {name: entity.record for name, entity in zip(names, found, strict=True) if entity}

    def put_if_absent(self, name: str, text: str) -> str | None:
        return self._write("POST", self._url, name, text, {})

    def replace(self, name: str, text: str, *, version: str) -> str | None:
        return self._write("PUT", self._at(name), name, text, {"if-match": version})

    def delete(self, name: str) -> None:
        until = time.monotonic() + _WHOLE_S
        answer = self._request("DELETE", self._at(name), until, headers={"if-match": "*"})
        if answer.status != 204 and _code_of(answer) != _ABSENT:
            raise retry(_SERVICE, answer.status, answer.headers)

    def _write(self, method: str, url: str, name: str, text: str, condition: Mapping[str, str]) -> str | None:
        until = time.monotonic() + _WHOLE_S
        writer = secrets.token_hex(8)
        entity = {
            "PartitionKey": name,
            "RowKey": "",
            "text@odata.type": "Edm.Binary",
            "text": b64encode(text.encode()).decode("ascii"),
            "writer": writer,
        }
        headers = {**condition, "prefer": "return-no-content"}
        try:
            answer = self._request(method, url, until, entity, headers)
        except Unreachable:  # it may have been made
            answer = self._request(method, url, until, entity, headers)
        if answer.status == 204:
            return answer.headers["etag"]
        if _code_of(answer) not in _TAKEN:
            raise retry(_SERVICE, answer.status, answer.headers)
        there = self._entity(name, until)
        return there.record.version if there and there.writer == writer else None

    def _entity(self, name: str, until: float) -> _Entity | None:
        answer = self._request("GET", self._at(name), until)
        if answer.status == 404 and _code_of(answer) == _ABSENT:
            return None
        if answer.status != 200:
            raise retry(_SERVICE, answer.status, answer.headers)
        try:
            entity = json.loads(answer.body)
            text = b64decode(entity["text"]).decode()
            return _Entity(Record(text, answer.headers["etag"]), entity["writer"])
        except (ValueError, KeyError, TypeError) as error:
            raise Retry(f"{_SERVICE}'s answer is unreadable.") from error

    def _at(self, name: str) -> str:
        """An entity's URL. No character of a name needs quotes there."""
        return f"{self._url}(PartitionKey='{name}',RowKey='')"

    def _request(
        self,
        method: str,
        url: str,
        until: float,
        entity: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        timeout = min(_TIMEOUT_S, until - time.monotonic())
        if timeout <= 0:
            raise Retry(f"{_SERVICE} took longer than {_WHOLE_S:.0f} s.")
        sent = {**_HEADERS, "x-ms-date": formatdate(usegmt=True), **(headers or {})}
        return self._service.request(method, url, entity, sent, timeout=timeout)


def _code_of(answer: Answer) -> str:
    """What the service calls an error; empty where it does not tell."""
    try:
        return json.loads(answer.body)["odata.error"]["code"]
    except (ValueError, KeyError, TypeError):
        return ""
