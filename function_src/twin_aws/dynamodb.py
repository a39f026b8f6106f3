"""The hot store in a DynamoDB table: partition key `device`, sort key `key` = `<time>#<id>`.

`data` is stored as JSON text, so a number keeps every digit, which DynamoDB's own would not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from twin_aws.clients import calling, code_of
from twin_runtime.errors import Retry, Throttled
from twin_runtime.ports import Page, Row, Unstored

MAX_BATCH = 25
MAX_PAGE_BYTES = 5_000_000
"""A page ends early rather than hold more data than this."""
_UNPROCESSED = "DynamoDB did not process it."
_PAUSES_S = (0.1, 0.4, 1.6)
"""Before what DynamoDB left of a batch of deletions is asked for again."""

Item = Mapping[str, Mapping[str, str]]


class DynamoStore:
    """`ports.Store` in a table."""

    def __init__(self, table: str, client: Any, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._table = table
        self._client = client
        self._sleep = sleep

    def put(self, rows: Sequence[Row]) -> Sequence[Unstored]:
        unstored: list[Unstored] = []
        failure: Retry | None = None
        for start in range(0, len(rows), MAX_BATCH):
            positions = range(start, min(start + MAX_BATCH, len(rows)))
            try:
                unstored += list(self._put(rows, positions))
            except Retry as error:
                failure = error
                unstored += [Unstored(index, error.reason) for index in positions]
        if failure and len(unstored) == len(rows):
            raise failure
        return unstored

    def query(
        self, device: str, *, start: str, end: str, limit: int, cursor: str | None, descending: bool
    ) -> Page:
        start, end, cursor = _narrowed(start, end, cursor, descending)
        if start >= end:
            return Page(())
        # No key equals a bound: each has `#` and an id after the time. So both ends of BETWEEN are right.
        query: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "device = :device AND #key BETWEEN :start AND :end",
            "ExpressionAttributeNames": {"#key": "key"},
            "ExpressionAttributeValues": {
                ":device": {"S": device},
                ":start": {"S": start},
                ":end": {"S": end},
            },
            "ScanIndexForward": not descending,
        }
        if cursor is not None:
            query["ExclusiveStartKey"] = {"device": {"S": device}, "key": {"S": cursor}}
        rows: list[Row] = []
        size = 0
        while True:
            with calling("DynamoDB"):
                answer = self._client.query(**query, Limit=limit - len(rows))
            for item in answer["Items"]:
                row = _row(item)
                rows.append(row)
                size += len(row.data)
            last = answer.get("LastEvaluatedKey")
            if last is None or len(rows) >= limit:
                return Page(rows)
            if size >= MAX_PAGE_BYTES:
                return Page(rows, more=True)
            query["ExclusiveStartKey"] = last

    def delete(self, device: str, keys: Sequence[str]) -> None:
        unique = list(dict.fromkeys(keys))  # a batch that names a row twice is refused
        for start in range(0, len(unique), MAX_BATCH):
            batch = unique[start : start + MAX_BATCH]
            self._delete(
                [{"DeleteRequest": {"Key": {"device": {"S": device}, "key": {"S": key}}}} for key in batch]
            )

    def _delete(self, requests: Sequence[Any]) -> None:
        left = requests
        for pause in (*_PAUSES_S, None):
            with calling("DynamoDB"):
                answer = self._client.batch_write_item(RequestItems={self._table: left})
            left = answer.get("UnprocessedItems", {}).get(self._table, ())
            if not left:
                return
            if pause is not None:
                self._sleep(pause)
        raise Throttled(f"DynamoDB did not delete {len(left)} rows.")

    def _put(self, rows: Sequence[Row], positions: Sequence[int]) -> Iterator[Unstored]:
        requests = [{"PutRequest": {"Item": _item(rows[index])}} for index in positions]
        try:
            with calling("DynamoDB"):
                answer = self._client.batch_write_item(RequestItems={self._table: requests})
        except Retry as error:
            if not _is_invalid(error):
                raise
            return self._split(rows, positions, error)
        left = answer.get("UnprocessedItems", {}).get(self._table, ())
        keys = {
            (item["PutRequest"]["Item"]["device"]["S"], item["PutRequest"]["Item"]["key"]["S"])
            for item in left
        }
        return (
            Unstored(index, _UNPROCESSED)
            for index in positions
            if (rows[index].device, rows[index].key) in keys
        )

    def _split(self, rows: Sequence[Row], positions: Sequence[int], error: Retry) -> Iterator[Unstored]:
        """DynamoDB refuses a whole batch for one row that can never be stored, such as one above 400 KB: find
        it."""
        if len(positions) == 1:
            yield Unstored(positions[0], error.reason, permanent=True)
            return
        half = len(positions) // 2
        yield from self._put(rows, positions[:half])
        yield from self._put(rows, positions[half:])


def _is_invalid(error: Retry) -> bool:
    cause = error.__cause__
    return isinstance(cause, ClientError) and code_of(cause) == "ValidationException"


def _narrowed(start: str, end: str, cursor: str | None, descending: bool) -> tuple[str, str, str | None]:
    """DynamoDB refuses a cursor outside the range: there it excludes nothing, or everything."""
    if cursor is None or start <= cursor < end:
        return start, end, cursor
    excludes_nothing = cursor >= end if descending else cursor < start
    return (start, end, None) if excludes_nothing else (end, end, None)


def _item(row: Row) -> Item:
    return {
        "device": {"S": row.device},
        "key": {"S": row.key},
        "type": {"S": row.type},
        "data": {"S": row.data},
        "traceparent": {"S": row.traceparent},
        "expires": {"N": str(row.expires)},
    }


def _row(item: Item) -> Row:
    time, _, id_ = item["key"]["S"].partition("#")
    return Row(
        device=item["device"]["S"],
        time=time,
        id=id_,
        type=item["type"]["S"],
        data=item["data"]["S"],
        traceparent=item["traceparent"]["S"],
        expires=int(item["expires"]["N"]),
    )
