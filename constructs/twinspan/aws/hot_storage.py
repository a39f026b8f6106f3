"""The hot store: a DynamoDB table."""

import json

from twin_runtime.roles import Layer, Role
from twinspan import contracts
from twinspan.aws import names
from twinspan.aws.foundation import Foundation
from twinspan.aws.functions import Function
from twinspan.aws.shared.grants import grant
from twinspan.aws.shared.policies import allow, document, record, trust_scheduler
from twinspan.providers import Construct
from twinspan.providers.aws import (
    DynamodbTable,
    DynamodbTableAttribute,
    DynamodbTablePointInTimeRecovery,
    DynamodbTableServerSideEncryption,
    DynamodbTableTtl,
    IamRole,
    IamRolePolicy,
    SchedulerSchedule,
    SchedulerScheduleFlexibleTimeWindow,
    SchedulerScheduleTarget,
    SchedulerScheduleTargetRetryPolicy,
)
from twinspan.terraform.resources import Ref, place

SWITCH = "expiry"
CHANGE = "dynamodb:UpdateTimeToLive"
NEVER = "at(2099-01-01T00:00:00)"
"""What the switch is set to before a mover has set it. It is disabled then."""
RETRIES, RETRY_S = 185, 86_400
"""The most that Scheduler offers. DynamoDB refuses a change within an hour of another one."""


class Store(Construct):
    """Rows by device and by `<time>#<id>`, paid by request, gone some time after `expires` (epoch seconds).
    The rows of a former one do not expire.

    Where there is a cold tier, the mover switches the expiry (TTL), and Terraform leaves it as it is. The
    mover also sets the schedule that switches it off: EventBridge Scheduler does, even if no function runs.

    While it is protected, DynamoDB itself refuses to delete the table. Deleting one that has point-in-time
    recovery leaves a backup, which AWS keeps for 35 days without charge.
    """

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation, former: bool = False) -> None:
        super().__init__(scope, id_)
        protected = foundation.protects(Layer.HOT_STORAGE)
        self._foundation = foundation
        moved = not former and Role.COLD_MOVER in foundation.twin.topology.roles
        table = DynamodbTable(
            self,
            "table",
            name=foundation.twin.names.name(names.STORE),
            billing_mode="PAY_PER_REQUEST",
            hash_key="device",
            range_key="key",
            attribute=[
                DynamodbTableAttribute(name="device", type="S"),
                DynamodbTableAttribute(name="key", type="S"),
            ],
            # DynamoDB wants the attribute named to switch expiry off, too.
            ttl=DynamodbTableTtl(attribute_name="expires", enabled=not former and not moved),
            deletion_protection_enabled=protected,
            point_in_time_recovery=DynamodbTablePointInTimeRecovery(enabled=True),
            server_side_encryption=DynamodbTableServerSideEncryption(enabled=True),
            tags=foundation.labels(Layer.HOT_STORAGE, "store"),
        )
        if moved:
            table.add_override("lifecycle.ignore_changes", ["ttl"])
        self.table = place(table, names.STORE, protect=protected)
        self.address = self.table["name"]
        self._switch = names.expiry_switch(foundation.twin.names)
        self.expiry = (
            f"{self.address}/{foundation.twin.names.name(Role.COLD_MOVER)}/{self._switch}" if moved else ""
        )

    def grant_read(self, function: contracts.Function) -> None:
        grant(function, "read-store", allow("dynamodb:Query", on=[self.table["arn"]]), about=self.table)

    def grant_write(self, function: contracts.Function) -> None:
        # Events are inserted, and compared with what is there; the notes of rows' lifetimes are written over.
        actions = ("dynamodb:PartiQLInsert", "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem")
        grant(function, "write-store", allow(*actions, on=[self.table["arn"]]), about=self.table)

    def grant_move(self, function: contracts.Function) -> None:
        # Notes are inserted, written over and deleted; rows are read alone.
        actions = (
            "dynamodb:Query",
            "dynamodb:BatchWriteItem",
            "dynamodb:PartiQLInsert",
            "dynamodb:BatchGetItem",
        )
        grant(function, "move-store", allow(*actions, on=[self.table["arn"]]), about=self.table)
        self._let_switch(contracts.own(function, Function))

    def _let_switch(self, function: Function) -> None:
        """Let the mover switch the expiry, and set the schedule that switches it off."""
        role = self._switch_role(function)
        group = f"${{aws_scheduler_schedule_group.{function.role}.id}}"
        schedule = SchedulerSchedule(
            self,
            "switch",
            name=self._switch,
            group_name=group,
            description="Stops the expiry of rows if cold_mover does not run",
            schedule_expression=NEVER,
            schedule_expression_timezone="UTC",
            state="DISABLED",
            flexible_time_window=SchedulerScheduleFlexibleTimeWindow(mode="OFF"),
            target=SchedulerScheduleTarget(
                arn="arn:aws:scheduler:::aws-sdk:dynamodb:updateTimeToLive",
                role_arn=role["arn"],
                input=json.dumps(
                    {
                        "TableName": self.address,
                        "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": False},
                    }
                ),
                retry_policy=SchedulerScheduleTargetRetryPolicy(
                    maximum_event_age_in_seconds=RETRY_S, maximum_retry_attempts=RETRIES
                ),
            ),
        )
        schedule.add_override("lifecycle.ignore_changes", ["schedule_expression", "state"])
        place(schedule, SWITCH)
        foundation = self._foundation
        switch = foundation.arn("scheduler", f"schedule/{function.name}/{self._switch}")
        grant(
            function,
            "switch-expiry",
            allow("dynamodb:DescribeTimeToLive", CHANGE, on=[self.table["arn"]]),
            allow("scheduler:GetSchedule", "scheduler:UpdateSchedule", on=[switch]),
            # A change of a schedule hands its role to the service again.
            allow(
                "iam:PassRole",
                on=[role["arn"]],
                when={"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
            ),
            about=self.table,
        )

    def _switch_role(self, function: Function) -> Ref:
        """The role that Scheduler takes on to stop the expiry."""
        foundation = self._foundation
        group = foundation.arn("scheduler", f"schedule-group/{function.name}")
        role = IamRole(
            self,
            "switch-role",
            name=self._switch,
            assume_role_policy=trust_scheduler(foundation.account, group),
            tags=foundation.labels(Layer.HOT_STORAGE, SWITCH),
        )
        placed = place(role, SWITCH)
        stops = allow(CHANGE, on=[self.table["arn"]])
        policy = IamRolePolicy(self, "switch-policy", name="stop", role=placed["id"], policy=document(stops))
        record(foundation.inventory, place(policy, SWITCH), stops, to="clock")
        return placed
