"""The hot store, in Firestore.

A row is a document of the collection `rows`: `device`, `key` (time and id), `type`, `data` (JSON text, as it
is), `traceparent`, `expires` (a timestamp: the database deletes by it), and those of `ports.OPTIONAL` that
are not empty. The document's id is a digest of
device and key, so that writing a row twice is writing it once, and that writes spread over the database.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from google.api_core import exceptions
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from twin_runtime import deadlines
from twin_runtime.errors import Retry
from twin_runtime.ports import CONFLICT, OPTIONAL, Page, Row, Unstored

from .firestore_calls import call, failure

COLLECTION = "rows"
MAX_DOCUMENT_BYTES = 1_048_576
_OVERHEAD = 1_024
"""Bytes of a document that are not `data`: names, the short fields, the document's own path."""
MAX_COMMIT_ROWS = 400
MAX_COMMIT_BYTES = 8_000_000
"""A commit may have 10 MiB."""
MAX_PAGE_BYTES = 8_000_000
_TIME_LENGTH = 27  # of "2024-02-29T12:00:00.000000Z"
_Write = Callable[[Sequence[Row], Sequence[int], float], list[Unstored]]
"""Writes the rows at some positions, before a deadline; returns those that it never will."""


class FirestoreStore:
    """`ports.Store`. Thread-safe."""

    def __init__(self, client: firestore.Client) -> None:
        self._client = client
        self._rows = client.collection(COLLECTION)

    def put(self, rows: Sequence[Row], *, deadline: float = math.inf) -> Sequence[Unstored]:
        return _in_groups(rows, self._set, deadline)

    def put_if_absent(self, rows: Sequence[Row], *, deadline: float = math.inf) -> Sequence[Unstored]:
        return _in_groups(rows, self._create, deadline)

    def query(
        self, device: str, *, start: str, end: str, limit: int, cursor: str | None, descending: bool
    ) -> Page:
        low, high = (">=", start), ("<", end)
        if cursor is not None and descending and cursor < end:
            high = ("<", cursor)
        elif cursor is not None and not descending and cursor >= start:
            low = (">", cursor)
        query = (
            self._rows.where(filter=FieldFilter("device", "==", device))
            .where(filter=FieldFilter("key", *low))
            .where(filter=FieldFilter("key", *high))
            .order_by("key", direction="DESCENDING" if descending else "ASCENDING")
            .limit(limit)
        )
        found: list[Row] = []
        size = 0
        try:
            for snapshot in query.stream(**call()):
                row = _row(snapshot.to_dict() or {})
                size += _size(row)
                if found and size > MAX_PAGE_BYTES:
                    return Page(found, more=True)
                found.append(row)
        except exceptions.GoogleAPIError as error:
            raise failure(error) from error
        return Page(found)

    def delete(self, device: str, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), MAX_COMMIT_ROWS):
            batch = self._client.batch()
            for key in dict.fromkeys(keys[start : start + MAX_COMMIT_ROWS]):
                batch.delete(self._rows.document(_document_id(device, key)))
            try:
                batch.commit(**call())
            except exceptions.GoogleAPIError as error:
                raise failure(error) from error

    def _set(self, rows: Sequence[Row], group: Sequence[int], deadline: float) -> list[Unstored]:
        batch = self._client.batch()
        for index in group:
            batch.set(self._reference(rows[index]), _document(rows[index]))
        _commit(batch, deadline)
        return []

    def _create(self, rows: Sequence[Row], group: Sequence[int], deadline: float) -> list[Unstored]:
        """A commit of which one document is there writes none: those are compared, and the others written."""
        batch = self._client.batch()
        for index in group:
            batch.create(self._reference(rows[index]), _document(rows[index]))
        try:
            _commit(batch, deadline)
        except exceptions.AlreadyExists:
            found = self._read([rows[index] for index in group], deadline)
        else:
            return []
        if not found:
            raise Retry("Rows came and went while they were written.")
        conflicts: list[Unstored] = []
        rest: list[int] = []
        for index in group:
            there = found.get((rows[index].device, rows[index].key))
            if there is None:
                rest.append(index)
            elif not there.same_content(rows[index]):
                conflicts.append(Unstored(index, CONFLICT, permanent=True))
        return conflicts + (_halved(rows, self._create, rest, deadline) if rest else [])

    def _read(self, wanted: Sequence[Row], deadline: float) -> dict[tuple[str, str], Row]:
        """The rows that are there with the keys of these."""
        deadlines.check(deadline)
        snapshots = self._client.get_all([self._reference(row) for row in wanted], **call())
        there = (_row(snapshot.to_dict() or {}) for snapshot in snapshots if snapshot.exists)
        return {(row.device, row.key): row for row in there}

    def _reference(self, row: Row) -> Any:
        return self._rows.document(_document_id(row.device, row.key))


def _in_groups(rows: Sequence[Row], write: _Write, deadline: float) -> list[Unstored]:
    """Write rows in as few commits as the bounds allow; raises `Retry` when all failed."""
    latest = {(row.device, row.key): index for index, row in enumerate(rows)}
    unstored: list[Unstored] = []
    fitting: list[int] = []
    for index in latest.values():
        if _size(rows[index]) > MAX_DOCUMENT_BYTES:
            unstored.append(Unstored(index, "The event is larger than a document may be.", permanent=True))
        else:
            fitting.append(index)
    problem: Retry | None = None
    failed = 0
    for group in _groups(rows, fitting):
        if problem is None:
            try:
                unstored += _halved(rows, write, group, deadline)
                continue
            except Retry as error:
                problem = error
        # What failed for all of a call's time would fail for the next one's.
        failed += len(group)
        unstored += [Unstored(index, problem.reason) for index in group]
    if problem is not None and failed == len(latest):
        raise problem
    return unstored


def _halved(rows: Sequence[Row], write: _Write, group: Sequence[int], deadline: float) -> list[Unstored]:
    """The database refuses a whole commit for one row that it will never take: find it."""
    try:
        return write(rows, group, deadline)
    except exceptions.InvalidArgument:
        if len(group) == 1:
            return [Unstored(group[0], "The database refuses the event.", permanent=True)]
        half = len(group) // 2
        parts = (group[:half], group[half:])
        return [each for part in parts for each in _halved(rows, write, part, deadline)]
    except exceptions.GoogleAPIError as error:
        raise failure(error) from error


def _commit(batch: firestore.WriteBatch, deadline: float) -> None:
    deadlines.check(deadline)
    batch.commit(**call())


def _groups(rows: Sequence[Row], indexes: Sequence[int]) -> Iterator[list[int]]:
    group: list[int] = []
    size = 0
    for index in indexes:
        length = _size(rows[index])
        if group and (len(group) == MAX_COMMIT_ROWS or size + length > MAX_COMMIT_BYTES):
            yield group
            group, size = [], 0
        group.append(index)
        size += length
    if group:
        yield group


def _size(row: Row) -> int:
    return len(row.data.encode()) + _OVERHEAD


def _document_id(device: str, key: str) -> str:
    return hashlib.sha256(f"{device}\n{key}".encode()).hexdigest()[:40]


def _document(row: Row) -> dict[str, Any]:
    return {
        "device": row.device,
        "key": row.key,
        "type": row.type,
        "data": row.data,
        "traceparent": row.traceparent,
        "expires": datetime.fromtimestamp(row.expires, UTC),
        **{name: value for name in OPTIONAL if (value := getattr(row, name))},
    }


def _row(document: dict[str, Any]) -> Row:
    key: str = document["key"]
    return Row(
        device=document["device"],
        time=key[:_TIME_LENGTH],
        id=key[_TIME_LENGTH + 1 :],
        type=document["type"],
        data=document["data"],
        traceparent=document["traceparent"],
        expires=int(document["expires"].timestamp()),
        **{name: document[name] for name in OPTIONAL if name in document},
    )
