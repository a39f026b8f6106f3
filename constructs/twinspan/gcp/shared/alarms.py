"""The alarms on dead-letter queues, on scheduled functions and on readers."""

from twin_runtime.roles import Layer, Role
from twinspan import alarms
from twinspan.gcp.foundation import Foundation
from twinspan.gcp.shared import log_metrics
from twinspan.providers import Construct
from twinspan.providers.gcp import (
    MonitoringAlertPolicy,
    MonitoringAlertPolicyAlertStrategy,
    MonitoringAlertPolicyAlertStrategyNotificationRateLimit,
    MonitoringAlertPolicyConditions,
    MonitoringAlertPolicyConditionsConditionMatchedLog,
    MonitoringAlertPolicyConditionsConditionThreshold,
    MonitoringAlertPolicyConditionsConditionThresholdAggregations,
    MonitoringAlertPolicyDocumentation,
)
from twinspan.terraform.resources import Ref, place


def fire_when_not_empty(
    scope: Construct,
    kept: Ref,
    *,
    foundation: Foundation,
    name: str,
    labels: dict[str, str],
) -> None:
    """Notify the twin's channels within minutes when the subscription `kept` contains a message.

    `name` is that of the queue.
    """
    title = f"{foundation.twin.config.name}: messages in {name}"
    condition = MonitoringAlertPolicyConditionsConditionThreshold(
        filter=(
            'resource.type = "pubsub_subscription" AND '
            f'resource.labels.subscription_id = "{kept["name"]}" AND '
            'metric.type = "pubsub.googleapis.com/subscription/num_undelivered_messages"'
        ),
        comparison="COMPARISON_GT",
        threshold_value=0,
        duration="0s",
        aggregations=[
            MonitoringAlertPolicyConditionsConditionThresholdAggregations(
                alignment_period="60s", per_series_aligner="ALIGN_MAX"
            )
        ],
    )
    policy = MonitoringAlertPolicy(
        scope,
        "alarm",
        display_name=title,
        combiner="OR",
        severity="ERROR",
        conditions=[MonitoringAlertPolicyConditions(display_name=title, condition_threshold=condition)],
        documentation=MonitoringAlertPolicyDocumentation(
            content=alarms.dead_letters(foundation.twin.names.name(name), alarms.hop_of(name)),
            mime_type="text/markdown",
        ),
        notification_channels=foundation.channels,
        user_labels=labels,
    )
    place(policy, name.replace("-", "_"), optional=kept.optional)


def fire_when_a_run_fails(
    scope: Construct, role: Role, *, foundation: Foundation, layer: Layer, optional: bool
) -> None:
    """Notify the twin's channels when Cloud Scheduler logs that a run failed, or that it could not call the
    function.
    """
    jobs = foundation.twin.names.name(role)
    title = f"{foundation.twin.config.name}: a run of {role} failed"
    _fire_on_line(
        scope,
        f"{role}_failed",
        title=title,
        line='resource.type="cloud_scheduler_job" AND '
        f'resource.labels.job_id=~"^{jobs}-[0-9]+$" AND severity>=ERROR',
        severity="ERROR",
        content=alarms.failed_run(jobs),
        foundation=foundation,
        labels=foundation.twin.labels(layer, role),
        optional=optional,
    )


def fire_when_a_mover_lags(scope: Construct, role: Role, *, foundation: Foundation, layer: Layer) -> None:
    """Notify the twin's channels when a mover logs that it lags."""
    service = foundation.twin.names.name(role)
    _fire_on_line(
        scope,
        f"{role}_behind",
        title=f"{foundation.twin.config.name}: {role} lags",
        line=log_metrics.lines(service, alarms.BEHIND),
        severity="ERROR",
        content=alarms.behind(service),
        foundation=foundation,
        labels=foundation.twin.labels(layer, role),
        optional=False,
    )


def fire_when_many_are_refused(scope: Construct, role: Role, *, foundation: Foundation, layer: Layer) -> None:
    """Notify the twin's channels when an instance of a reader logs that it has refused many requests since
    its last line, which was a minute ago: a policy on logs counts nothing itself.
    """
    service = foundation.twin.names.name(role)
    _fire_on_line(
        scope,
        f"{role}_refusals",
        title=f"{foundation.twin.config.name}: {role} refuses many requests",
        line=f"{log_metrics.lines(service, 'refused')} AND jsonPayload.status=(401 OR 429) AND "
        f"jsonPayload.count>{alarms.REFUSALS_A_MINUTE}",
        severity="WARNING",
        content=alarms.refusals(service),
        foundation=foundation,
        labels=foundation.twin.labels(layer, role),
        optional=False,
    )


def _fire_on_line(
    scope: Construct,
    address: str,
    *,
    title: str,
    line: str,
    severity: str,
    content: str,
    foundation: Foundation,
    labels: dict[str, str],
    optional: bool,
) -> None:
    """Notify the twin's channels, once an hour at most, when a line of the project's logs matches."""
    condition = MonitoringAlertPolicyConditionsConditionMatchedLog(filter=line)
    policy = MonitoringAlertPolicy(
        scope,
        f"{address}-alarm",
        display_name=title,
        combiner="OR",
        severity=severity,
        conditions=[MonitoringAlertPolicyConditions(display_name=title, condition_matched_log=condition)],
        # A policy on logs must limit how often it notifies.
        alert_strategy=MonitoringAlertPolicyAlertStrategy(
            notification_rate_limit=MonitoringAlertPolicyAlertStrategyNotificationRateLimit(period="3600s"),
            auto_close="3600s",
        ),
        documentation=MonitoringAlertPolicyDocumentation(content=content, mime_type="text/markdown"),
        notification_channels=foundation.channels,
        user_labels=labels,
        depends_on=foundation.ready,
    )
    place(policy, address, optional=optional)
