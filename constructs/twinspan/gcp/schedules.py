"""Scheduled functions: Cloud Scheduler."""

from twin_runtime.deadlines import START_S
from twin_runtime.roles import MOVERS, ROLES, Schedule
from twinspan import alarms
from twinspan.gcp import facts, names
from twinspan.gcp.foundation import Foundation
from twinspan.gcp.functions import Function
from twinspan.gcp.shared.alarms import fire_when_a_mover_lags, fire_when_a_run_fails
from twinspan.gcp.shared.log_metrics import measure
from twinspan.providers import Construct
from twinspan.providers.gcp import (
    CloudSchedulerJob,
    CloudSchedulerJobHttpTarget,
    CloudSchedulerJobHttpTargetOidcToken,
)
from twinspan.terraform.resources import numbered, place

ZONE = "Etc/UTC"


class Clock(Construct):
    """Calls a function on a schedule, once for each partition, with an alarm on failed runs.

    A run that failed is not tried again, which is what a job without a retry_config does: the next one goes
    on where it stopped. Cloud Scheduler reaches functions with ingress "internal" of its own project at their
    run.app address, and does not start a job again that still runs. A job takes no labels.
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
        name = f"{foundation.twin.names.name(function.role)}-{{}}"
        caller = foundation.clock_account()
        timeout_s = ROLES[function.role].timeout_s
        answer_s = timeout_s + START_S
        body = f"{{partition = tonumber(each.key), partitions = {schedule.partitions}}}"
        job = CloudSchedulerJob(
            self,
            "jobs",
            name=name.format("${each.key}"),
            region=foundation.region,
            description=f"Runs the {function.role} of the twin {foundation.twin.config.name}",
            schedule=schedule.cron,
            time_zone=ZONE,
            attempt_deadline=f"{answer_s}s",
            http_target=CloudSchedulerJobHttpTarget(
                uri=function.uri,
                http_method="POST",
                headers={"Content-Type": "application/json"},
                body=f"${{base64encode(jsonencode({body}))}}",
                oidc_token=CloudSchedulerJobHttpTargetOidcToken(
                    service_account_email=caller["email"], audience=function.uri
                ),
            ),
        )
        job.add_override("for_each", numbered(schedule.partitions, optional=function.optional))
        invoker = function.grant_invoke(self, names.CLOCK_ACCOUNT, caller["member"])
        job.add_override("depends_on", [foundation.clocks_after(invoker, function.role).address])
        foundation.inventory.record(
            facts.Clock(
                address=place(job, function.role).address,
                name=name.format("<key>"),
                to=function.role,
                account=caller.address,
                schedule=schedule.cron,
                zone=ZONE,
                partitions=schedule.partitions,
                run_s=timeout_s,
                answer_s=answer_s,
            )
        )
        fire_when_a_run_fails(
            self,
            function.role,
            foundation=foundation,
            layer=function.layer,
            optional=function.optional,
        )
        if function.role in MOVERS:
            fire_when_a_mover_lags(self, function.role, foundation=foundation, layer=function.layer)
            event = alarms.RUN[function.role]
            for field in alarms.MEASURED:
                measure(self, function.role, event, field, foundation=foundation)
