"""The state store in a DynamoDB table: an item for each record, by `name`.

A record's version is a random token that its writer made. A write holds where the record has the version that
the write asks for, or the one that it brings: so a write that boto3 sends again, because the answer to the
first was lost, finds its own record and is no conflict.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from twin_aws.clients import calling, code_of
from twin_runtime.deadlines import Service, bounds, check
from twin_runtime.errors import Retry, Throttled
from twin_runtime.ports import Record
from twin_runtime.roles import Cloud

MAX_BATCH = 100
_PAUSES_S = (0.05, 0.2, 0.8)
"""Before what DynamoDB left of a batch is asked for again."""
_BEGIN_S = bounds(Cloud.AWS, Service.STATE).longest_s - bounds(Cloud.AWS, Service.QUEUE).longest_s
"""In this time of a call its last request begins, which takes the client's own tries."""


class DynamoStateStore:
    """`ports.StateStore` in a table."""

    def __init__(self, table: str, client: Any, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._table = table
        self._client = client
        self._sleep = sleep

    def read(self, names: Sequence[str]) -> Mapping[str, Record]:
        found: dict[str, Record] = {}
        until = time.monotonic() + _BEGIN_S
        for start in range(0, len(names), MAX_BATCH):
            found |= self._read(names[start : start + MAX_BATCH], until)
        return found

    def put_if_absent(self, name: str, text: str) -> str | None:
        return self._put(name, text, "attribute_not_exists(#version) OR #version = :own", {})

    def replace(self, name: str, text: str, *, version: str) -> str | None:
        return self._put(name, text, "#version = :old OR #version = :own", {":old": {"S": version}})

    def delete(self, name: str) -> None:
        with calling("DynamoDB"):
            self._client.delete_item(TableName=self._table, Key={"name": {"S": name}})

    def _read(self, names: Sequence[str], until: float) -> Mapping[str, Record]:
        found: dict[str, Record] = {}
        left: Any = {"Keys": [{"name": {"S": name}} for name in names], "ConsistentRead": True}
        for pause in (*_PAUSES_S, None):
            check(until)
            with calling("DynamoDB"):
                answer = self._client.batch_get_item(RequestItems={self._table: left})
            for item in answer["Responses"].get(self._table, ()):
                found[item["name"]["S"]] = Record(item["text"]["S"], item["version"]["S"])
            left = answer.get("UnprocessedKeys", {}).get(self._table)
            if not left:
                return found
            if pause is not None:
                self._sleep(pause)
        raise Throttled(f"DynamoDB did not read {len(left['Keys'])} records.")

    def _put(self, name: str, text: str, condition: str, values: Mapping[str, Any]) -> str | None:
        own = secrets.token_hex(8)
        try:
            with calling("DynamoDB"):
                self._client.put_item(
                    TableName=self._table,
                    Item={"name": {"S": name}, "text": {"S": text}, "version": {"S": own}},
                    ConditionExpression=condition,
                    ExpressionAttributeNames={"#version": "version"},
                    ExpressionAttributeValues={":own": {"S": own}, **values},
                )
        except Retry as error:
            if _is_conflict(error):
                return None
            raise
        return own


def _is_conflict(error: Retry) -> bool:
    cause = error.__cause__
    return isinstance(cause, ClientError) and code_of(cause) == "ConditionalCheckFailedException"
