"""The expiry of the hot store's table and the schedule that stops it, on moto."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from twin_aws.expiry import TableExpiry
from twin_runtime.errors import Retry

NOW = 1_798_761_600.0
"""2027-01-01T00:00:00Z"""
DAY = 86_400
TABLE, GROUP, NAME = "factory-hot", "factory-cold-mover", "factory-hot-expiry"
INPUT = json.dumps(
    {"TableName": TABLE, "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": False}}
)
TARGET = {
    "Arn": "arn:aws:scheduler:::aws-sdk:dynamodb:updateTimeToLive",
    "RoleArn": f"arn:aws:iam::123456789012:role/{NAME}",
    "Input": INPUT,
    "RetryPolicy": {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185},
}


class Account:
    """A table, a switch, and the calls that were made."""

    def __init__(self) -> None:
        self.now = NOW
        self.calls: list[str] = []
        self.dynamodb: Any = boto3.client("dynamodb", region_name="eu-central-1")
        self.scheduler: Any = boto3.client("scheduler", region_name="eu-central-1")
        self.dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "device", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "device", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.scheduler.create_schedule_group(Name=GROUP)
        self.scheduler.create_schedule(
            GroupName=GROUP,
            Name=NAME,
            ScheduleExpression="at(2099-01-01T00:00:00)",
            ScheduleExpressionTimezone="UTC",
            State="DISABLED",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target=TARGET,
            Description="Stops it",
        )
        for each in (self.dynamodb, self.scheduler):
            each.meta.events.register("before-call", self._note)
        self.expiry = TableExpiry(
            TABLE, (GROUP, NAME), dynamodb=self.dynamodb, scheduler=self.scheduler, clock=lambda: self.now
        )

    def _note(self, model: Any, **_: Any) -> None:
        self.calls.append(model.name)

    @property
    def on(self) -> bool:
        answer = self.dynamodb.describe_time_to_live(TableName=TABLE)
        return answer["TimeToLiveDescription"]["TimeToLiveStatus"] == "ENABLED"

    @property
    def schedule(self) -> dict[str, Any]:
        return self.scheduler.get_schedule(GroupName=GROUP, Name=NAME)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "dummy")
    with mock_aws():
        yield Account()


def test_the_switch_is_set_before_expiry_is_allowed(account: Account) -> None:
    before = account.schedule
    assert account.expiry.allow(NOW + 20 * DAY) == "on"
    assert account.calls[1:] == ["GetSchedule", "UpdateSchedule", "DescribeTimeToLive", "UpdateTimeToLive"]
    after = account.schedule
    assert (after["State"], after["ScheduleExpression"]) == ("ENABLED", "at(2027-01-21T00:00:00)")
    assert after["ScheduleExpressionTimezone"] == "UTC"
    # What UpdateSchedule is not told again becomes its default.
    for kept in ("Target", "FlexibleTimeWindow", "Description", "GroupName", "Name"):
        assert after[kept] == before[kept]
    answer = account.dynamodb.describe_time_to_live(TableName=TABLE)["TimeToLiveDescription"]
    assert answer == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}


def test_a_later_moment_moves_the_switch_and_a_close_one_does_not(account: Account) -> None:
    account.expiry.allow(NOW + 20 * DAY)
    account.expiry.allow(NOW + 20 * DAY + 900)
    assert account.schedule["ScheduleExpression"] == "at(2027-01-21T00:00:00)"
    account.expiry.allow(NOW + 21 * DAY)
    assert account.schedule["ScheduleExpression"] == "at(2027-01-22T00:00:00)"
    account.expiry.allow(NOW + 10 * DAY)
    assert account.schedule["ScheduleExpression"] == "at(2027-01-11T00:00:00)"
    assert account.calls.count("UpdateTimeToLive") == 1


@pytest.mark.parametrize("until", [-(10**11), NOW - DAY, NOW + 7_199])
def test_a_moment_that_has_passed_or_is_close_stops_it_now(account: Account, until: float) -> None:
    account.expiry.allow(NOW + 20 * DAY)
    assert account.on
    assert account.expiry.allow(until) == "off"
    assert not account.on
    assert account.expiry.allow(until) == "off"
    assert account.calls.count("UpdateTimeToLive") == 2


def test_what_the_switch_calls_stops_it(account: Account) -> None:
    """EventBridge Scheduler hands the input to the operation as it is."""
    account.expiry.allow(NOW + 20 * DAY)
    account.dynamodb.update_time_to_live(**json.loads(account.schedule["Target"]["Input"]))
    assert not account.on
    account.now += 21 * DAY
    assert account.expiry.allow(account.now + 20 * DAY) == "on"
    assert account.schedule["State"] == "ENABLED"
    assert account.on


class Refusing:
    """DynamoDB as it answers while a change is under way: moto makes each at once."""

    def __init__(self, status: str, code: str = "ValidationException") -> None:
        self.status, self.code = status, code

    def describe_time_to_live(self, **_: Any) -> Any:
        return {"TimeToLiveDescription": {"TimeToLiveStatus": self.status}}

    def update_time_to_live(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": self.code, "Message": "…"}}, "UpdateTimeToLive")


@pytest.mark.parametrize("status", ["ENABLED", "ENABLING", "DISABLING"])
def test_a_change_within_an_hour_of_another_waits_for_a_later_call(account: Account, status: str) -> None:
    """DynamoDB, UpdateTimeToLive: in the hour that a change takes, others are a ValidationException."""
    account.expiry._dynamodb = Refusing(status)
    assert account.expiry.allow(NOW - DAY) == "changing"


def test_other_errors_fail_the_run(account: Account) -> None:
    account.expiry._dynamodb = Refusing("ENABLED", "AccessDeniedException")
    with pytest.raises(Retry, match="AccessDeniedException"):
        account.expiry.allow(NOW - DAY)


def test_an_address_names_the_table_and_its_switch(account: Account) -> None:
    made = TableExpiry.at(f"{TABLE}/{GROUP}/{NAME}", dynamodb=account.dynamodb, scheduler=account.scheduler)
    moment = datetime.now(UTC).timestamp() + 20 * DAY
    assert made.allow(moment) == "on"
    assert account.schedule["State"] == "ENABLED"
