"""The hot store in a DynamoDB table: partition key `device`, sort key `key` = `<time>#<id>`.

`data` is stored as JSON text, so a number keeps every digit, which DynamoDB's own would not.

New rows are written by PartiQL's INSERT, 25 to a call. A batch of puts (BatchWriteItem) takes no condition;
puts with a condition go one to a call, which takes ten times the CPU, or in a transaction, which is billed
twice. An INSERT takes the CPU and the write units of a put in a batch. Each statement succeeds or fails by
itself, and fails where the key is taken: those rows alone are then read, to compare them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from twin_aws.clients import calling, code_of
from twin_runtime import deadlines
from twin_runtime.errors import Retry, Throttled
from twin_runtime.ports import CONFLICT, OPTIONAL, Page, Row, Unstored

MAX_BATCH = 25
MAX_PAGE_BYTES = 5_000_000
"""A page ends early rather than hold more data than this."""
_UNPROCESSED = "DynamoDB did not process it."
_TAKEN = ("DuplicateItem", "ConditionalCheckFailed")
"""What a statement's error says of an INSERT whose key is there."""
_NEVER = "ValidationError"
"""What it says of an item that can never be stored, such as one above 400 KB."""
_BUSY = ("ProvisionedThroughputExceeded", "RequestLimitExceeded", "ThrottlingError")
_PAUSES_S = (0.1, 0.4, 1.6)
"""Before what DynamoDB left of a batch of deletions is asked for again."""

Item = Mapping[str, Mapping[str, str]]
_Write = Callable[[Sequence[Row], Sequence[int], float], list[Unstored]]
"""Writes the rows at some positions, before a deadline."""


class DynamoStore:
    """`ports.Store` in a table."""

    def __init__(self, table: str, client: Any, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._table = table
        self._client = client
        self._sleep = sleep

    def put(self, rows: Sequence[Row], *, deadline: float = math.inf) -> Sequence[Unstored]:
        return _in_batches(rows, self._put, deadline)

    def put_if_absent(self, rows: Sequence[Row], *, deadline: float = math.inf) -> Sequence[Unstored]:
        return _in_batches(rows, self._insert, deadline)

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

    def _put(self, rows: Sequence[Row], positions: Sequence[int], _: float) -> list[Unstored]:
        requests = [{"PutRequest": {"Item": _item(rows[index])}} for index in positions]
        with calling("DynamoDB"):
            answer = self._client.batch_write_item(RequestItems={self._table: requests})
        left = answer.get("UnprocessedItems", {}).get(self._table, ())
        keys = {
            (item["PutRequest"]["Item"]["device"]["S"], item["PutRequest"]["Item"]["key"]["S"])
            for item in left
        }
        return [
            Unstored(index, _UNPROCESSED)
            for index in positions
            if (rows[index].device, rows[index].key) in keys
        ]

    def _insert(self, rows: Sequence[Row], positions: Sequence[int], deadline: float) -> list[Unstored]:
        statements = [_insertion(self._table, _item(rows[index])) for index in positions]
        with calling("DynamoDB"):
            answers = self._client.batch_execute_statement(Statements=statements)["Responses"]
        codes = {
            index: answer["Error"].get("Code", "Unknown")
            for index, answer in zip(positions, answers, strict=True)
            if "Error" in answer
        }
        taken = [index for index, code in codes.items() if code in _TAKEN]
        failed = {index: code for index, code in codes.items() if code not in _TAKEN}
        if len(failed) == len(positions) and _NEVER not in failed.values():
            code = failed[positions[0]]
            raise (Throttled if code in _BUSY else Retry)(f"DynamoDB answered {code}.")
        unstored = [
            Unstored(index, f"DynamoDB answered {code}.", permanent=code == _NEVER)
            for index, code in failed.items()
        ]
        return unstored + self._compare(rows, taken, deadline)

    def _compare(self, rows: Sequence[Row], taken: Sequence[int], deadline: float) -> list[Unstored]:
        """Compare rows with those that have their keys.

        DynamoDB answers with a part of what is asked for above 1 MB of a device, and says which is left.
        """
        of_key = {(rows[index].device, rows[index].key): index for index in taken}
        reasons = dict.fromkeys(taken, _UNPROCESSED)  # a row that was deleted meanwhile is inserted again
        conflicts: list[int] = []
        left: Any = [{"device": {"S": device}, "key": {"S": key}} for device, key in of_key]
        try:
            while left:
                deadlines.check(deadline)
                request = {self._table: {"Keys": left, "ConsistentRead": True}}
                with calling("DynamoDB"):
                    answer = self._client.batch_get_item(RequestItems=request)
                items = answer["Responses"].get(self._table, ())
                for row in map(_row, items):
                    index = of_key[row.device, row.key]
                    del reasons[index]
                    if not row.same_content(rows[index]):
                        conflicts.append(index)
                left = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys") if items else ()
        except Retry as error:
            reasons = dict.fromkeys(reasons, error.reason)
        return [Unstored(index, CONFLICT, permanent=True) for index in conflicts] + [
            Unstored(index, reason) for index, reason in reasons.items()
        ]


def _in_batches(rows: Sequence[Row], write: _Write, deadline: float) -> list[Unstored]:
    """Write rows in batches; raises `Retry` when none was written, and none refused for good."""
    unstored: list[Unstored] = []
    failure: Retry | None = None
    for start in range(0, len(rows), MAX_BATCH):
        positions = range(start, min(start + MAX_BATCH, len(rows)))
        try:
            unstored += _halved(rows, write, positions, deadline)
        except Retry as error:
            failure = error
            unstored += [Unstored(index, error.reason) for index in positions]
    if unstored and len(unstored) == len(rows) and not any(each.permanent for each in unstored):
        raise failure or Retry(unstored[0].reason)
    return unstored


def _halved(rows: Sequence[Row], write: _Write, positions: Sequence[int], deadline: float) -> list[Unstored]:
    """DynamoDB refuses a whole batch for one row that can never be stored, such as one above 400 KB: find
    it."""
    deadlines.check(deadline)
    try:
        return write(rows, positions, deadline)
    except Retry as error:
        if not _is_invalid(error):
            raise
        if len(positions) == 1:
            return [Unstored(positions[0], error.reason, permanent=True)]
        half = len(positions) // 2
        parts = (positions[:half], positions[half:])
        return [each for part in parts for each in _halved(rows, write, part, deadline)]


def _is_invalid(error: Retry) -> bool:
    cause = error.__cause__
    return isinstance(cause, ClientError) and code_of(cause) == "ValidationException"


def _narrowed(start: str, end: str, cursor: str | None, descending: bool) -> tuple[str, str, str | None]:
    """DynamoDB refuses a cursor outside the range: there it excludes nothing, or everything."""
    if cursor is None or start <= cursor < end:
        return start, end, cursor
    excludes_nothing = cursor >= end if descending else cursor < start
    return (start, end, None) if excludes_nothing else (end, end, None)


def _insertion(table: str, item: Item) -> Mapping[str, Any]:
    """A statement of PartiQL, and its parameters: a statement's own text is bounded, a parameter is not."""
    values = ",".join([f"'{name}':?" for name in item])
    return {"Statement": f'INSERT INTO "{table}" VALUE {{{values}}}', "Parameters": list(item.values())}


def _item(row: Row) -> Item:
    optional = {name: {"S": value} for name in OPTIONAL if (value := getattr(row, name))}
    return {
        "device": {"S": row.device},
        "key": {"S": row.key},
        "type": {"S": row.type},
        "data": {"S": row.data},
        "traceparent": {"S": row.traceparent},
        "expires": {"N": str(row.expires)},
        **optional,
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
        **{name: item[name]["S"] for name in OPTIONAL if name in item},
    )
