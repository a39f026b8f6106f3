"""Scheduled functions: EventBridge Scheduler."""

from twin_runtime import deadlines
from twin_runtime.roles import MOVERS, Cloud, Schedule
from twinspan import alarms
from twinspan.aws import facts, names
from twinspan.aws.foundation import Foundation
from twinspan.aws.functions import Function
from twinspan.aws.shared import log_metrics
from twinspan.aws.shared.policies import allow, document, record, trust_scheduler
from twinspan.providers import Construct
from twinspan.providers.aws import (
    CloudwatchMetricAlarm,
    CloudwatchMetricAlarmMetricQuery,
    CloudwatchMetricAlarmMetricQueryMetric,
    IamRole,
    IamRolePolicy,
    LambdaFunctionEventInvokeConfig,
    SchedulerSchedule,
    SchedulerScheduleFlexibleTimeWindow,
    SchedulerScheduleGroup,
    SchedulerScheduleTarget,
    SchedulerScheduleTargetRetryPolicy,
)
from twinspan.terraform.resources import Ref, numbered, place

DELIVERY_RETRIES = 10
"""How often Scheduler tries again to hand a run over, while it is not older than the next one."""

BEHIND_S = 7_200
"""In two hours each mover is called once at least, and one that lags says so each time."""


class Clock(Construct):
    """Calls a function at a rate, once for each partition, with an alarm on failed runs.

    A run that failed is not tried again: the next one goes on where it stopped. The function has as many
    reserved executions as partitions.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        foundation: Foundation,
        function: Function,
        schedule: Schedule,
    ) -> None:
        super().__init__(scope, id_)
        self._foundation = foundation
        self._function = function
        self._schedule = schedule
        self._tags = foundation.labels(function.layer, function.role)
        # A schedule has no tags, and a trust policy can only name its group.
        group = SchedulerScheduleGroup(self, "group", name=function.name, tags=self._tags)
        self._group = place(group, function.role, optional=function.optional)
        self._call_by(self._identity())
        self._run_once()
        self._alarm()
        if function.role in MOVERS:
            self._watch()

    def _identity(self) -> tuple[Ref, Ref]:
        """The role that Scheduler takes on, and its permission to call this one function."""
        function, foundation = self._function, self._foundation
        group = foundation.arn("scheduler", f"schedule-group/{function.name}")
        role = IamRole(
            self,
            "role",
            name=names.clock_role(foundation.twin.names, function.role),
            assume_role_policy=trust_scheduler(foundation.account, group),
            tags=self._tags,
        )
        placed = place(role, f"{function.role}_clock", optional=function.optional)
        calls = allow("lambda:InvokeFunction", on=[function.function["arn"]])
        policy = IamRolePolicy(
            self,
            "policy",
            name="call",
            role=placed["id"],
            policy=document(calls),
        )
        permission = place(policy, f"{function.role}_clock_call", optional=function.optional)
        return placed, record(foundation.inventory, permission, calls, to="clock")

    def _call_by(self, identity: tuple[Ref, Ref]) -> None:
        role, permission = identity
        function, minutes, partitions = (
            self._function,
            self._schedule.every_minutes,
            self._schedule.partitions,
        )
        expression = f"rate({minutes} minute{'s' if minutes > 1 else ''})"
        given = f'{{{{"partition": {{}}, "partitions": {partitions}}}}}'
        schedule = SchedulerSchedule(
            self,
            "schedules",
            name=f"{function.name}-${{each.key}}",
            group_name=self._group["id"],
            schedule_expression=expression,
            flexible_time_window=SchedulerScheduleFlexibleTimeWindow(mode="OFF"),
            target=SchedulerScheduleTarget(
                arn=function.function["arn"],
                role_arn=role["arn"],
                input=given.format("${each.key}"),
                retry_policy=SchedulerScheduleTargetRetryPolicy(
                    maximum_event_age_in_seconds=minutes * 60, maximum_retry_attempts=DELIVERY_RETRIES
                ),
            ),
        )
        schedule.add_override("for_each", numbered(partitions, optional=function.optional))
        schedule.add_override("depends_on", [permission.address])
        self._foundation.inventory.record(
            facts.Clock(
                address=place(schedule, function.role).address,
                to=function.role,
                identity=role.address,
                schedule=expression,
                partitions=partitions,
                input=given.format("<key>"),
                retries=DELIVERY_RETRIES,
                age_s=minutes * 60,
            )
        )

    def _run_once(self) -> None:
        """Scheduler calls asynchronously: by itself Lambda would try a failed run twice more."""
        retries, age_s = 0, self._schedule.every_minutes * 60
        config = LambdaFunctionEventInvokeConfig(
            self,
            "asynchronous",
            function_name=self._function.function["id"],
            maximum_retry_attempts=retries,
            maximum_event_age_in_seconds=age_s,
        )
        placed = place(config, self._function.role, optional=self._function.optional)
        self._foundation.inventory.record(
            facts.Asynchronous(address=placed.address, to=self._function.role, retries=retries, age_s=age_s)
        )

    def _alarm(self) -> None:
        """Add the alarm on runs that failed, and on runs that were dropped before they started, which the
        function cannot report.
        """
        function = self._function
        periods = -(-deadlines.looks_back_s(function.role, Cloud.AWS) // deadlines.EVERY_S)
        of_function, of_group = {"FunctionName": function.name}, {"ScheduleGroup": function.name}
        counted = {
            "failed": ("AWS/Lambda", "Errors", of_function),
            "forgotten": ("AWS/Lambda", "AsyncEventsDropped", of_function),
            "undelivered": ("AWS/Scheduler", "InvocationDroppedCount", of_group),
        }
        queries = [
            CloudwatchMetricAlarmMetricQuery(
                id=name,
                metric=CloudwatchMetricAlarmMetricQueryMetric(
                    namespace=namespace,
                    metric_name=metric,
                    dimensions=dimensions,
                    stat="Sum",
                    period=deadlines.EVERY_S,
                ),
            )
            for name, (namespace, metric, dimensions) in counted.items()
        ]
        together = CloudwatchMetricAlarmMetricQuery(
            id="lost",
            label="Runs that failed or never began",
            expression=" + ".join(f"FILL({name}, 0)" for name in counted),
            return_data=True,
        )
        alarm = CloudwatchMetricAlarm(
            self,
            "alarm",
            alarm_name=names.failed_alarm(self._foundation.twin.names, function.role),
            alarm_description=alarms.failed_run(function.name),
            metric_query=[together, *queries],
            evaluation_periods=periods,
            datapoints_to_alarm=1,
            comparison_operator="GreaterThanThreshold",
            threshold=0,
            treat_missing_data="notBreaching",
            alarm_actions=self._foundation.alarm_actions or None,
            tags=self._tags,
        )
        place(alarm, f"{function.role}_failed", optional=function.optional)

    def _watch(self) -> None:
        """Add a mover's metrics, and the alarm that it says that it lags, or is not called at all."""
        function, foundation = self._function, self._foundation
        counted = log_metrics.count(self, function.role, alarms.BEHIND, foundation=foundation)
        for field in alarms.MEASURED:
            log_metrics.measure(self, function.role, alarms.RUN[function.role], field, foundation=foundation)
        names_ = foundation.twin.names
        metrics = {
            "behind": (log_metrics.NAMESPACE, names.log_metric(names_, function.role, alarms.BEHIND), None),
            "called": ("AWS/Lambda", "Invocations", {"FunctionName": function.name}),
        }
        queries = [
            CloudwatchMetricAlarmMetricQuery(
                id=name,
                metric=CloudwatchMetricAlarmMetricQueryMetric(
                    namespace=namespace, metric_name=of, dimensions=dimensions, stat="Sum", period=BEHIND_S
                ),
            )
            for name, (namespace, of, dimensions) in metrics.items()
        ]
        together = CloudwatchMetricAlarmMetricQuery(
            id="lags",
            label="The mover lags, or is not called",
            expression="FILL(behind, 0) + IF(FILL(called, 0) < 1, 1, 0)",
            return_data=True,
        )
        alarm = CloudwatchMetricAlarm(
            self,
            "behind-alarm",
            alarm_name=names.behind_alarm(names_, function.role),
            alarm_description=f"{alarms.behind(function.name)} It also fires if the mover was not called for "
            f"{BEHIND_S // 3_600} hours.",
            metric_query=[together, *queries],
            evaluation_periods=1,
            comparison_operator="GreaterThanThreshold",
            threshold=0,
            treat_missing_data="notBreaching",
            alarm_actions=foundation.alarm_actions or None,
            tags=self._tags,
        )
        alarm.add_override("depends_on", [counted.address])
        place(alarm, f"{function.role}_behind", optional=function.optional)
