"""The state store in DynamoDB: the contract, with answers that get lost, on moto; and the faults that moto
does not have.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from moto.core.botocore_stubber import BotocoreStubber
from moto.dynamodb.models import DynamoDBBackend

from contract.effects_contract import EffectsContract
from contract.state_contract import NAME, LostAnswers, StateContract
from support.aws_clients import mocked
from twin_aws import state as module
from twin_aws.cloud import Aws
from twin_aws.state import DynamoStateStore
from twin_runtime.errors import Retry, Throttled
from twin_runtime.ports import Record, StateStore

_numbers = count(1)


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    put_item, one_at_a_time = DynamoDBBackend.put_item, threading.Lock()

    def put(*given: Any, **how: Any) -> Any:
        with one_at_a_time:
            return put_item(*given, **how)

    # Between the condition and the write of one thread, moto lets another thread write.
    monkeypatch.setattr(DynamoDBBackend, "put_item", put)
    with mocked():
        yield


class Tables:
    @pytest.fixture
    def state(self, whole: dict[str, Any]) -> StateStore:
        """In a table as the stack has it."""
        body = whole["resource"]["aws_dynamodb_table"]["state"]
        name = f"factory-state-{next(_numbers)}"
        boto3.client("dynamodb").create_table(
            TableName=name,
            BillingMode=body["billing_mode"],
            AttributeDefinitions=[
                {"AttributeName": each["name"], "AttributeType": each["type"]} for each in body["attribute"]
            ],
            KeySchema=[{"AttributeName": body["hash_key"], "KeyType": "HASH"}],
        )
        return Aws().state_store(name)


class TestDynamo(Tables, StateContract):
    pass


class TestEffects(Tables, EffectsContract):
    pass


class TestLostAnswers(Tables, LostAnswers):
    """boto3 sends a request again that timed out."""

    @contextmanager
    def losing(self, state: Any, meanwhile: Callable[[], object]) -> Iterator[None]:
        answer_of = BotocoreStubber.__call__
        lost: list[str] = []

        def answer(stubber: BotocoreStubber, event_name: str, request: Any, **how: Any) -> Any:
            answer = answer_of(stubber, event_name, request, **how)
            if event_name.endswith(".PutItem") and not lost:
                lost.append(event_name)
                meanwhile()
                raise ReadTimeoutError(endpoint_url=request.url)
            return answer

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(BotocoreStubber, "__call__", answer)
            yield
        assert lost


class Client:
    """DynamoDB that answers `answers`, one per call, and then that nothing is there."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.calls: list[Any] = []

    def batch_get_item(self, **asked: Any) -> Any:
        return self._answer(asked)

    def put_item(self, **asked: Any) -> Any:
        return self._answer(asked)

    def delete_item(self, **asked: Any) -> Any:
        return self._answer(asked)

    def _answer(self, asked: Any) -> Any:
        self.calls.append(asked)
        answer = self.answers.pop(0) if self.answers else {"Responses": {}}
        if isinstance(answer, Exception):
            raise answer
        return answer


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "secret detail"}}, "PutItem")


def keys(*names: str) -> dict[str, Any]:
    return {"Keys": [{"name": {"S": name}} for name in names], "ConsistentRead": True}


def item(name: str) -> dict[str, Any]:
    return {"name": {"S": name}, "text": {"S": "1"}, "version": {"S": "v"}}


def test_what_dynamodb_left_of_a_batch_is_asked_for_again() -> None:
    pauses: list[float] = []
    client = Client(
        {"Responses": {"state": [item("a")]}, "UnprocessedKeys": {"state": keys("b", "c")}},
        {"Responses": {"state": [item("b")]}, "UnprocessedKeys": {"state": keys("c")}},
        {"Responses": {"state": [item("c")]}, "UnprocessedKeys": {}},
    )
    found = DynamoStateStore("state", client, sleep=pauses.append).read(["a", "b", "c"])
    assert found == {name: Record("1", "v") for name in "abc"}
    assert [call["RequestItems"]["state"] for call in client.calls] == [
        keys("a", "b", "c"),
        keys("b", "c"),
        keys("c"),
    ]
    assert len(pauses) == 2


def test_what_it_never_reads_is_not_taken_for_absent() -> None:
    client = Client(*[{"Responses": {}, "UnprocessedKeys": {"state": keys("a")}}] * 9)
    with pytest.raises(Throttled, match=r"^DynamoDB did not read 1 records\.$"):
        DynamoStateStore("state", client, sleep=lambda _: None).read(["a"])
    assert len(client.calls) == 4


def test_no_request_begins_after_the_time_of_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one takes as long as the client's tries."""
    monkeypatch.setattr(module, "_BEGIN_S", 0.0)
    client = Client()
    with pytest.raises(Retry, match="no time left"):
        DynamoStateStore("state", client).read([f"d{number}" for number in range(230)])
    assert len(client.calls) < 3


def test_a_batch_has_as_many_keys_as_the_service_takes() -> None:
    """BatchGetItem: up to 100 items."""
    client = Client()
    DynamoStateStore("state", client).read([f"d{number}" for number in range(230)])
    assert [len(call["RequestItems"]["state"]["Keys"]) for call in client.calls] == [100, 100, 30]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ProvisionedThroughputExceededException", Throttled),
        ("ResourceNotFoundException", Retry),
        ("AccessDeniedException", Retry),
        ("TransactionConflictException", Retry),
    ],
)
def test_a_store_that_fails_brings_the_event_back(code: str, kind: type[Retry]) -> None:
    calls: list[Callable[[DynamoStateStore], object]] = [
        lambda state: state.read([NAME]),
        lambda state: state.put_if_absent(NAME, "1"),
        lambda state: state.replace(NAME, "2", version="v"),
        lambda state: state.delete(NAME),
    ]
    for call in calls:
        with pytest.raises(Retry, match=f"^DynamoDB answered {code}") as raised:
            call(DynamoStateStore("state", Client(error(code))))
        assert type(raised.value) is kind
