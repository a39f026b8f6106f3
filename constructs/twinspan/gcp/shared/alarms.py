"""The alarms on dead-letter queues and on scheduled functions."""

from twin_runtime.roles import Layer, Role
from twinspan import alarms
from twinspan.gcp.foundation import Foundation
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
    condition = MonitoringAlertPolicyConditionsConditionMatchedLog(
        filter=(
            'resource.type="cloud_scheduler_job" AND '
            f'resource.labels.job_id=~"^{jobs}-[0-9]+$" AND severity>=ERROR'
        )
    )
    policy = MonitoringAlertPolicy(
        scope,
        "alarm",
        display_name=title,
        combiner="OR",
        severity="ERROR",
        conditions=[MonitoringAlertPolicyConditions(display_name=title, condition_matched_log=condition)],
        # A policy on logs must limit how often it notifies.
        alert_strategy=MonitoringAlertPolicyAlertStrategy(
            notification_rate_limit=MonitoringAlertPolicyAlertStrategyNotificationRateLimit(period="3600s"),
            auto_close="3600s",
        ),
        documentation=MonitoringAlertPolicyDocumentation(
            content=alarms.failed_run(jobs),
            mime_type="text/markdown",
        ),
        notification_channels=foundation.channels,
        user_labels=foundation.twin.labels(layer, role),
        depends_on=foundation.ready,
    )
    place(policy, f"{role}_failed", optional=optional)
