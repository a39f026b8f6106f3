"""The hot store: a Cosmos DB container, partitioned by device."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

from azure.cosmos import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import (
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from twin_runtime import deadlines
from twin_runtime.deadlines import Service
from twin_runtime.errors import ConfigurationError, Retry
from twin_runtime.ports import CONFLICT, OPTIONAL, Page, Row, Unstored
from twin_runtime.roles import Cloud

from .failures import retry, translated

_SERVICE = "Cosmos DB"
_NEVER = (400, 413)
"""What Cosmos DB will not take of this row, however often: malformed, or larger than 2 MB."""
MAX_PAGE_BYTES = 8_000_000
"""A page ends early rather than hold more data than this."""
_LONGEST_TTL = 2_147_483_647
_WRITERS = 8
_CALL = deadlines.bounds(Cloud.AZURE, Service.STORE)
_CALL_SECONDS = _CALL.longest_s - _CALL.token_s - _CALL.try_s
"""After which a call tries no more by itself."""
# The SDK would wait 65 s for an answer and 30 s of pauses when it is throttled.
_BOUNDS: dict[str, Any] = {
    "connection_timeout": _CALL.connect_s,
    "read_timeout": _CALL.answer_s,
    "retry_total": _CALL.tries - 1,
    "retry_backoff_max": _CALL.pauses_s,
    "retry_throttle_total": 9,
    "retry_throttle_backoff_max": 1,
}


_Write = Callable[[Row, float], str | None]
"""Writes a row before a deadline; returns why it can never be."""


class CosmosStore:
    """`twin_runtime.ports.Store`. Thread-safe.

    Every query names the partition key in its condition as well: servers for tests insist on it.
    """

    def __init__(self, container: ContainerProxy, clock: Callable[[], float] = time.time) -> None:
        self._container = container
        self._clock = clock
        self._pool = ThreadPoolExecutor(_WRITERS, thread_name_prefix="cosmos")

    @classmethod
    def at(cls, url: str, credential: Any, **options: Any) -> CosmosStore:
        """The container at `https://<account>/dbs/<database>/colls/<container>`."""
        account, _, path = url.rstrip("/").partition("/dbs/")
        database, separator, container = path.partition("/colls/")
        if not account or not database or not separator or not container:
            raise ConfigurationError("The store's address must be https://<account>/dbs/<db>/colls/<coll>.")
        with translated(_SERVICE):
            client = CosmosClient(account, credential, **{**_BOUNDS, **options})
        return cls(client.get_database_client(database).get_container_client(container))

    def put(self, rows: Sequence[Row], *, deadline: float = math.inf) -> Sequence[Unstored]:
        return self._write_all(rows, self._upsert, deadline)

    def put_if_absent(self, rows: Sequence[Row], *, deadline: float = math.inf) -> Sequence[Unstored]:
        return self._write_all(rows, self._create, deadline)

    def _write_all(self, rows: Sequence[Row], write: _Write, deadline: float) -> list[Unstored]:
        # Writes run side by side, so of rows with one key only the last is written.
        last = {(row.device, row.key): index for index, row in enumerate(rows)}
        results = list(self._pool.map(lambda index: _outcome(write, rows[index], deadline), last.values()))
        if results and all(isinstance(result, Retry) for result in results):
            raise next(result for result in results if isinstance(result, Retry))
        by_row = dict(zip(last, results, strict=True))
        outcomes = ((index, by_row[row.device, row.key]) for index, row in enumerate(rows))
        return [
            Unstored(index, result if isinstance(result, str) else result.reason, isinstance(result, str))
            for index, result in outcomes
            if result is not None
        ]

    def query(
        self, device: str, *, start: str, end: str, limit: int, cursor: str | None, descending: bool
    ) -> Page:
        conditions = ["c.device = @device", "c.key >= @start", "c.key < @end"]
        values = {"@device": device, "@start": start, "@end": end}
        if cursor is not None:
            conditions.append("c.key < @cursor" if descending else "c.key > @cursor")
            values["@cursor"] = cursor
        text = (
            f"SELECT TOP {int(limit)} * FROM c WHERE {' AND '.join(conditions)} "  # noqa: S608 (a number)
            f"ORDER BY c.key {'DESC' if descending else 'ASC'}"
        )
        parameters: list[dict[str, object]] = [
            {"name": name, "value": value} for name, value in values.items()
        ]
        with translated(_SERVICE):
            found = self._container.query_items(
                text, parameters=parameters, partition_key=device, timeout=_CALL_SECONDS
            )
            rows: list[Row] = []
            size = 0
            for row in map(row_of, found):
                size += len(row.data)
                if rows and size > MAX_PAGE_BYTES:
                    return Page(rows, more=True)
                rows.append(row)
            return Page(rows)

    def delete(self, device: str, keys: Sequence[str]) -> None:
        # The service takes batches of a partition too, which cost no fewer request units.
        failed = [each for each in self._pool.map(lambda key: self._remove(device, key), set(keys)) if each]
        if failed:
            raise failed[0]

    def _remove(self, device: str, key: str) -> Retry | None:
        try:
            with translated(_SERVICE):
                self._container.delete_item(_document_id(key), device, timeout=_CALL_SECONDS)
        except Retry as error:
            cause = error.__cause__
            return None if isinstance(cause, CosmosResourceNotFoundError) else error
        return None

    def _upsert(self, row: Row, deadline: float) -> None:
        deadlines.check(deadline)
        self._container.upsert_item(self._item(row), timeout=_CALL_SECONDS)

    def _create(self, row: Row, deadline: float) -> str | None:
        """A row that is there is compared: this call may have written it, where an answer was lost."""
        item = self._item(row)
        deadlines.check(deadline)
        try:
            self._container.create_item(item, timeout=_CALL_SECONDS)
        except CosmosResourceExistsError:
            deadlines.check(deadline)
            found = self._container.read_item(item["id"], row.device, timeout=_CALL_SECONDS)
            return None if row_of(found).same_content(row) else CONFLICT
        return None

    def _item(self, row: Row) -> dict[str, Any]:
        """`ttl` counts from the writing on."""
        return {
            "id": _document_id(row.key),
            "device": row.device,
            "key": row.key,
            "time": row.time,
            "event": row.id,
            "type": row.type,
            "data": row.data,
            "traceparent": row.traceparent,
            "expires": row.expires,
            "ttl": min(max(int(row.expires - self._clock()), 1), _LONGEST_TTL),
            **{name: value for name in OPTIONAL if (value := getattr(row, name))},
        }


def _outcome(write: _Write, row: Row, deadline: float) -> Retry | str | None:
    """None when the row is durable; why it is not: for now, or (a text) for ever."""
    try:
        with translated(_SERVICE):
            try:
                return write(row, deadline)
            except CosmosHttpResponseError as error:
                if error.status_code in _NEVER:
                    return f"{_SERVICE} refuses the row ({error.status_code})."
                raise retry(_SERVICE, error.status_code or 0, error.headers) from error
    except Retry as error:
        return error


def _document_id(key: str) -> str:
    """An id may not hold what a key does, such as '#'."""
    return sha256(key.encode()).hexdigest()


def row_of(item: Mapping[str, Any]) -> Row:
    """The row of an item of the container."""
    return Row(
        device=item["device"],
        time=item["time"],
        id=item["event"],
        type=item["type"],
        data=item["data"],
        traceparent=item["traceparent"],
        expires=item["expires"],
        **{name: item[name] for name in OPTIONAL if name in item},
    )
