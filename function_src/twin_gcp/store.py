"""The hot store, in Firestore.

A row is a document of the collection `rows`: `device`, `key` (time and id), `type`, `data` (JSON text, as it
is), `traceparent` and `expires` (a timestamp: the database deletes by it). The document's id is a digest of
device and key, so that writing a row twice is writing it once, and that writes spread over the database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from google.api_core import exceptions
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from twin_runtime.errors import Retry
from twin_runtime.ports import Page, Row, Unstored

from .firestore_calls import TIMEOUT_S, attempts, failure

COLLECTION = "rows"
MAX_DOCUMENT_BYTES = 1_048_576
_OVERHEAD = 1_024
"""Bytes of a document that are not `data`: names, the short fields, the document's own path."""
MAX_COMMIT_ROWS = 400
MAX_COMMIT_BYTES = 8_000_000
"""A commit may have 10 MiB."""
MAX_PAGE_BYTES = 8_000_000
_TIME_LENGTH = 27  # of "2024-02-29T12:00:00.000000Z"


class FirestoreStore:
    """`ports.Store`. Thread-safe."""

    def __init__(self, client: firestore.Client) -> None:
        self._client = client
        self._rows = client.collection(COLLECTION)

    def put(self, rows: Sequence[Row]) -> Sequence[Unstored]:
        latest = {(row.device, row.key): index for index, row in enumerate(rows)}
        unstored: list[Unstored] = []
        fitting: list[int] = []
        for index in latest.values():
            if _size(rows[index]) > MAX_DOCUMENT_BYTES:
                unstored.append(
                    Unstored(index, "The event is larger than a document may be.", permanent=True)
                )
            else:
                fitting.append(index)
        stored = False
        problem: Retry | None = None
        for group in _groups(rows, fitting):
            if problem is not None:  # what failed for all of a call's time would fail for the next one's
                unstored += [Unstored(index, problem.reason) for index in group]
                continue
            try:
                refused = self._commit(rows, group)
                unstored += refused
                stored = stored or len(refused) < len(group)
            except Retry as error:
                problem = error
                unstored += [Unstored(index, error.reason) for index in group]
        if problem is not None and not stored:
            raise problem
        return unstored

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
            for snapshot in query.stream(timeout=TIMEOUT_S, retry=attempts()):
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
                batch.commit(timeout=TIMEOUT_S, retry=attempts())
            except exceptions.GoogleAPIError as error:
                raise failure(error) from error

    def _commit(self, rows: Sequence[Row], group: Sequence[int]) -> list[Unstored]:
        """Write the rows at `group` at once; returns those that the database will never take."""
        batch = self._client.batch()
        for index in group:
            row = rows[index]
            batch.set(self._rows.document(_document_id(row.device, row.key)), _document(row))
        try:
            batch.commit(timeout=TIMEOUT_S, retry=attempts())
        except exceptions.InvalidArgument:
            if len(group) == 1:
                return [Unstored(group[0], "The database refuses the event.", permanent=True)]
            half = len(group) // 2
            return self._commit(rows, group[:half]) + self._commit(rows, group[half:])
        except exceptions.GoogleAPIError as error:
            raise failure(error) from error
        return []


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
    )
