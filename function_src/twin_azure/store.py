"""The hot store: a Cosmos DB container, partitioned by device."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

from azure.cosmos import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import CosmosHttpResponseError, CosmosResourceNotFoundError

from twin_runtime.errors import ConfigurationError, Retry
from twin_runtime.ports import Page, Row, Unstored

from .failures import retry, translated

_SERVICE = "Cosmos DB"
_NEVER = (400, 413)
"""What Cosmos DB will not take of this row, however often: malformed, or larger than 2 MB."""
_LONGEST_TTL = 2_147_483_647
_WRITERS = 8
_CALL_SECONDS = 8
_PUT_SECONDS = 12.0
"""When a batch is no longer begun: with a call's bound that is less than the shortest function may run."""
# The SDK would wait 65 s for an answer and 30 s of pauses when it is throttled, which still makes 9 attempts.
_BOUNDS: dict[str, Any] = {
    "connection_timeout": 3,
    "read_timeout": 7,
    "retry_total": 1,
    "retry_backoff_max": 2,
    "retry_throttle_total": 9,
    "retry_throttle_backoff_max": 5,
}


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

    def put(self, rows: Sequence[Row]) -> Sequence[Unstored]:
        # Writes run side by side, so of rows with one key only the last is written.
        last = {(row.device, row.key): index for index, row in enumerate(rows)}
        until = time.monotonic() + _PUT_SECONDS
        results = list(self._pool.map(lambda index: self._write(rows[index], until), last.values()))
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
            return Page([row_of(item) for item in found])

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

    def _write(self, row: Row, until: float) -> Retry | str | None:
        """None when it is durable; why it is not: for now, or (a text) for ever."""
        if time.monotonic() > until:
            return Retry(f"{_SERVICE} is too slow.")
        try:
            with translated(_SERVICE):
                try:
                    self._container.upsert_item(self._item(row), timeout=_CALL_SECONDS)
                except CosmosHttpResponseError as error:
                    if error.status_code in _NEVER:
                        return f"{_SERVICE} refuses the row ({error.status_code})."
                    raise retry(_SERVICE, error.status_code or 0, error.headers) from error
        except Retry as error:
            return error
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
        }


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
    )
