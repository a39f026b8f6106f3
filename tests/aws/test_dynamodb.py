"""The hot store in DynamoDB: the contract on MiniStack, and what only DynamoDB itself answers on stand-ins.

moto cannot stand for it: it reads no INSERT that has parameters.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from contract.adapter_contract import StoreContract, conflict, row
from local_cloud.aws.cloud import LocalAws
from support.aws_clients import failing
from support.dying import Dying, Fuse
from support.samples import log
from support.servers import ministack
from twin_aws import dynamodb
from twin_aws.dynamodb import DynamoStore
from twin_runtime.deadlines import NO_TIME
from twin_runtime.errors import Retry, Throttled
from twin_runtime.ports import Row, Unstored
from twin_runtime.storage import rows

STACK = {"provider": {"aws": [{"region": "eu-central-1"}]}, "resource": {}}
CALLS = ("batch_execute_statement", "batch_get_item", "batch_write_item")
_numbers = count(1)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with ministack(tmp_path_factory.mktemp("aws"), STACK) as made:
        yield made


def create(client: Any, name: str) -> str:
    """A table; its ARN."""
    made = client.create_table(
        TableName=name,
        KeySchema=[
            {"AttributeName": "device", "KeyType": "HASH"},
            {"AttributeName": "key", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "device", "AttributeType": "S"},
            {"AttributeName": "key", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return made["TableDescription"]["TableArn"]


@pytest.mark.servers
class TestDynamoDb(StoreContract):
    @pytest.fixture
    def store(self, cloud: LocalAws) -> DynamoStore:
        name = f"factory-hot-{next(_numbers)}"
        create(cloud.client("dynamodb"), name)
        return DynamoStore(name, cloud.client("dynamodb"))

    def dying(self, store: DynamoStore, fuse: Fuse) -> DynamoStore:
        return DynamoStore(store._table, Dying(store._client, fuse, CALLS))

    @pytest.mark.parametrize("way", ["put", "put_if_absent"])
    def test_a_row_that_is_too_large_is_refused_alone(self, store: DynamoStore, way: str) -> None:
        written = [row(second=n) for n in range(30)]
        written[7] = row(second=7, data=json.dumps("x" * 410_000))
        (unstored,) = getattr(store, way)(written)
        assert (unstored.index, unstored.permanent) == (7, True)
        assert len(self.rows(store)) == 29

    def test_a_cursor_outside_the_range(self, store: DynamoStore) -> None:
        store.put([row(second=n) for n in range(4)])
        inside = {"start": row(second=1).time, "end": row(second=3).time}
        before, after = row(second=0).key, row(second=3).key
        assert len(self.rows(store, cursor=before, **inside)) == 2
        assert self.rows(store, cursor=after, **inside) == []
        assert len(self.rows(store, cursor=after, descending=True, **inside)) == 2
        assert self.rows(store, cursor=before, descending=True, **inside) == []

    def test_more_than_one_page_of_the_service(self, store: DynamoStore) -> None:
        large = json.dumps("x" * 200_000)
        store.put([row(second=n, data=large) for n in range(12)])
        assert len(self.rows(store, limit=12)) == 12

    def test_a_page_ends_early_rather_than_grow_large(self, store: DynamoStore) -> None:
        large = json.dumps("x" * 390_000)
        store.put([row(second=n, data=large) for n in range(20)])
        page = self.read(store, limit=20)
        assert page.more
        assert 12 < len(page.rows) < 20


@pytest.mark.servers
@pytest.mark.parametrize(
    ("actions", "reason"),
    [
        (["dynamodb:PartiQLInsert", "dynamodb:BatchGetItem"], None),
        (["dynamodb:PartiQLInsert"], "AccessDenied"),
        (["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:PutItem"], "AccessDenied"),
    ],
)
def test_what_an_insertion_needs_to_be_allowed(
    cloud: LocalAws, actions: list[str], reason: str | None
) -> None:
    name, user = f"factory-hot-{next(_numbers)}", f"writer-{next(_numbers)}"
    table = create(cloud.client("dynamodb"), name)
    iam = cloud.client("iam")
    iam.create_user(UserName=user)
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": actions, "Resource": table}],
    }
    iam.put_user_policy(UserName=user, PolicyName="write-store", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=user)["AccessKey"]
    client = boto3.client(
        "dynamodb",
        endpoint_url=cloud.server.url,
        region_name=cloud.server.region,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        verify=str(cloud.server.ca_file),
    )
    DynamoStore(name, cloud.client("dynamodb")).put_if_absent([row()])
    store = DynamoStore(name, client)
    if reason is None:
        assert store.put_if_absent([row(), row(second=1)]) == []
        create(cloud.client("dynamodb"), f"{name}-other")
        store, reason = DynamoStore(f"{name}-other", client), "AccessDenied"
    with pytest.raises(Retry, match=reason):
        store.put_if_absent([row()])


def test_what_dynamodb_did_not_process_is_returned() -> None:
    class Busy:
        def batch_write_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
            return {"UnprocessedItems": {name: items[:1] for name, items in RequestItems.items()}}

    unstored = DynamoStore("t", Busy()).put([row(second=n) for n in range(26)])
    assert [(each.index, each.permanent) for each in unstored] == [(0, False), (25, False)]


@pytest.mark.parametrize("way", ["put", "put_if_absent"])
def test_a_store_that_takes_nothing_raises(way: str) -> None:
    store = DynamoStore("t", failing("ProvisionedThroughputExceededException"))
    with pytest.raises(Throttled, match="DynamoDB answered ProvisionedThroughputExceededException"):
        getattr(store, way)([row()])


class Statements:
    """A table that answers statements with these errors, by the number of the row, each until it is used up,
    and gives `at_once` items of those that are asked for.
    """

    def __init__(self, *there: Row, at_once: int = 100, **errors: list[str]) -> None:
        self.there = {each.key: each for each in there}
        self.errors = errors
        self.at_once = at_once
        self.calls: list[int] = []
        self.statements: list[dict[str, Any]] = []
        self.reads: list[int] = []

    def batch_execute_statement(self, *, Statements: list[dict[str, Any]]) -> dict[str, Any]:
        self.calls.append(len(Statements))
        self.statements += Statements
        return {"Responses": [self._answer(*each["Parameters"][:2]) for each in Statements]}

    def _answer(self, device: dict[str, str], key: dict[str, str]) -> dict[str, Any]:
        number = str(int(key["S"][17:19]))
        if left := self.errors.get(f"row{number}"):
            return {"Error": {"Code": left.pop(0), "Message": "detail"}, "TableName": "t"}
        if key["S"] in self.there:
            return {"Error": {"Code": "DuplicateItem", "Message": "detail"}, "TableName": "t"}
        return {"TableName": "t"}

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        asked = RequestItems["t"]
        assert asked["ConsistentRead"] is True, "a row that was just written must be seen"
        keys = asked["Keys"]
        self.reads.append(len(keys))
        found = [self.there[each["key"]["S"]] for each in keys if each["key"]["S"] in self.there]
        left = keys[self.at_once :]
        return {
            "Responses": {"t": [dynamodb._item(each) for each in found[: self.at_once]]},
            "UnprocessedKeys": {"t": {"Keys": left, "ConsistentRead": True}} if left else {},
        }


def test_a_statement_has_its_values_as_parameters() -> None:
    """DynamoDB takes a statement of 8,192 characters at most, and the data may hold any."""
    table = Statements()
    assert DynamoStore("t", table).put_if_absent([row(data="'?\"" * 9_000)]) == []
    (statement,) = table.statements
    assert statement["Statement"].startswith("INSERT INTO \"t\" VALUE {'device':?,'key':?,")
    assert statement["Statement"].count("?") == len(statement["Parameters"]) == 6
    assert len(statement["Statement"]) < 500


def test_a_call_has_25_statements_and_reads_the_duplicates_alone() -> None:
    there = [row(second=3), row(second=30, data='{"t":2}')]
    table = Statements(*there)
    assert DynamoStore("t", table).put_if_absent([row(second=n) for n in range(55)]) == [conflict(30)]
    assert table.calls == [25, 25, 5]
    assert table.reads == [1, 1]


def test_each_statement_fails_by_itself() -> None:
    table = Statements(
        row(second=4),
        row1=["ThrottlingError"],
        row2=["ValidationError"],
        row3=["ConditionalCheckFailed"],
        row5=["InternalServerError"],
    )
    unstored = DynamoStore("t", table).put_if_absent([row(second=n) for n in range(8)])
    assert {(each.index, each.reason, each.permanent) for each in unstored} == {
        (1, "DynamoDB answered ThrottlingError.", False),
        (2, "DynamoDB answered ValidationError.", True),
        (3, "DynamoDB did not process it.", False),  # it is not there any more
        (5, "DynamoDB answered InternalServerError.", False),
    }


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ThrottlingError", Throttled),
        ("ProvisionedThroughputExceeded", Throttled),
        ("RequestLimitExceeded", Throttled),
        ("AccessDenied", Retry),
    ],
)
def test_a_call_of_which_all_statements_fail(code: str, kind: type[Retry]) -> None:
    with pytest.raises(Retry, match=f"DynamoDB answered {code}") as caught:
        DynamoStore("t", Statements(row1=[code], row2=[code])).put_if_absent([row(second=1), row(second=2)])
    assert type(caught.value) is kind


def test_statements_that_were_throttled_are_tried_again_alone() -> None:
    there = row(second=2, data='{"t":2}')
    table = Statements(there, row1=["ThrottlingError"] * 2)
    written = [row(second=n) for n in range(4)]
    lost = rows.store_if_absent(DynamoStore("t", table), written, log()[0], sleep=lambda _: None)
    assert lost == {2: conflict(2)}
    assert table.calls == [4, 1, 1]


def test_duplicates_that_dynamodb_left_are_asked_for_again() -> None:
    """It answers with 1 MB of a device at most, and says which keys are left."""
    there = [row(second=n, data=f'{{"t":{n % 2}}}') for n in range(25)]
    table = Statements(*there, at_once=8)
    unstored = DynamoStore("t", table).put_if_absent([row(second=n) for n in range(25)])
    assert sorted(each.index for each in unstored if each.permanent) == list(range(0, 25, 2))
    assert len(unstored) == 13
    assert table.reads == [25, 17, 9, 1]


def test_duplicates_that_dynamodb_always_leaves_are_for_another_try() -> None:
    table = Statements(row(second=1), at_once=0)
    assert DynamoStore("t", table).put_if_absent([row(second=0), row(second=1)]) == [
        Unstored(1, "DynamoDB did not process it.")
    ]
    assert table.reads == [1]


def test_what_was_inserted_is_stored_where_the_duplicates_cannot_be_read() -> None:
    class Unreadable(Statements):
        def batch_get_item(self, **_: Any) -> dict[str, Any]:
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "BatchGetItem")

    table = Unreadable(row(second=1))
    assert DynamoStore("t", table).put_if_absent([row(second=0), row(second=1)]) == [
        Unstored(1, "DynamoDB answered AccessDeniedException.")
    ]


def test_a_service_that_does_not_answer_takes_no_longer_than_there_is_time() -> None:
    """Ten batches, four times each, would be forty calls."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = boto3.client(
            "dynamodb",
            endpoint_url=f"http://127.0.0.1:{silent.getsockname()[1]}",
            region_name="eu-central-1",
            aws_access_key_id="none",
            aws_secret_access_key="none",
            config=Config(connect_timeout=0.3, read_timeout=0.3, retries={"total_max_attempts": 1}),
        )
        written = [row(second=n) for n in range(250)]
        begun = time.monotonic()
        with pytest.raises(Retry, match=f"DynamoDB could not be reached|{NO_TIME}"):
            rows.store_if_absent(DynamoStore("t", client), written, log()[0], deadline=begun + 1)
        assert time.monotonic() - begun < 3


class Leaving:
    """A table that leaves so many of a batch unprocessed, per call; the last for ever."""

    def __init__(self, *left: int) -> None:
        self.left = list(left)
        self.calls: list[int] = []

    def batch_write_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        ((name, requests),) = RequestItems.items()
        self.calls.append(len(requests))
        left = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        return {"UnprocessedItems": {name: requests[:left]} if left else {}}


def test_deletions_that_dynamodb_left_are_asked_for_again() -> None:
    table = Leaving(3, 1, 0)
    DynamoStore("t", table, sleep=lambda _: None).delete("d1", [str(n) for n in range(27)])
    assert table.calls == [25, 3, 1, 2]


def test_deletions_that_dynamodb_always_leaves_are_an_error() -> None:
    table = Leaving(2)
    with pytest.raises(Throttled, match="DynamoDB did not delete 2 rows"):
        DynamoStore("t", table, sleep=lambda _: None).delete("d1", ["a", "b", "c"])
    assert table.calls == [3, 2, 2, 2]
