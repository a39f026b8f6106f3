"""The expiry (TTL) of the hot store's table, which a one-time schedule switches off when nobody else does.

EventBridge Scheduler calls UpdateTimeToLive itself, at the moment that the schedule is set to: no function
has to run for it. DynamoDB takes up to an hour for a change, and refuses another one until then.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from twin_aws.clients import calling, code_of

ATTRIBUTE = "expires"
_SOONEST_S = 7_200
"""A switch that comes sooner could come while DynamoDB is still at work on the change to `on`."""
_CLOSE_S = 3_600
"""A switch is not moved for less than this, unless it must come earlier."""
_AT = re.compile(r"at\((.+)\)")
_KEPT = (
    "ActionAfterCompletion",
    "Description",
    "FlexibleTimeWindow",
    "GroupName",
    "KmsKeyArn",
    "Name",
    "Target",
)
"""What a change of a schedule must say again: what it leaves out becomes the default."""


class TableExpiry:
    """`ports.Expiry` of a table. `switch` is the schedule's group and name."""

    def __init__(
        self,
        table: str,
        switch: tuple[str, str],
        *,
        dynamodb: Any,
        scheduler: Any,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._table = table
        self._switch = switch
        self._dynamodb = dynamodb
        self._scheduler = scheduler
        self._clock = clock

    @classmethod
    def at(cls, address: str, *, dynamodb: Any, scheduler: Any) -> TableExpiry:
        """From `<table>/<group of the schedule>/<name of the schedule>`."""
        table, group, name = address.split("/")
        return cls(table, (group, name), dynamodb=dynamodb, scheduler=scheduler)

    def allow(self, until: float) -> str:
        wanted = until - self._clock() >= _SOONEST_S
        if wanted:
            # First the switch, then what it switches off.
            self._set_switch(int(until))
        with calling("DynamoDB"):
            answer = self._dynamodb.describe_time_to_live(TableName=self._table)
        status = answer["TimeToLiveDescription"]["TimeToLiveStatus"]
        if status == ("ENABLED" if wanted else "DISABLED"):
            return "on" if wanted else "off"
        if status in ("ENABLING", "DISABLING"):
            return "changing"
        return self._change(wanted)

    def _change(self, wanted: bool) -> str:
        specification = {"AttributeName": ATTRIBUTE, "Enabled": wanted}
        try:
            with calling("DynamoDB"):
                self._dynamodb.update_time_to_live(
                    TableName=self._table, TimeToLiveSpecification=specification
                )
        except Exception as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and code_of(cause) == "ValidationException":
                return "changing"  # it was changed within the hour
            raise
        return "on" if wanted else "off"

    def _set_switch(self, moment: int) -> None:
        group, name = self._switch
        with calling("EventBridge Scheduler"):
            schedule = self._scheduler.get_schedule(GroupName=group, Name=name)
            if schedule["State"] == "ENABLED" and 0 <= moment - _moment(schedule) < _CLOSE_S:
                return
            at = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            self._scheduler.update_schedule(
                **{key: schedule[key] for key in _KEPT if key in schedule},
                ScheduleExpression=f"at({at})",
                ScheduleExpressionTimezone="UTC",
                State="ENABLED",
            )


def _moment(schedule: Any) -> float:
    """When a one-time schedule is due; nothing that has passed is close to a moment to come."""
    found = _AT.fullmatch(schedule["ScheduleExpression"])
    return datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp() if found else 0.0
