"""The alarms: of a dead-letter queue, and of what runs by the clock."""

from twin_runtime.roles import Layer, Role
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


def ring_when_not_empty(
    scope: Construct,
    kept: Ref,
    *,
    foundation: Foundation,
    name: str,
    labels: dict[str, str],
) -> None:
    """Tell the twin's notification channels when the subscription `kept` holds a message, within minutes.

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
            content=f"Pull the subscription {foundation.twin.names.name(name)}: "
            "each message says why it was refused, but for those that Pub/Sub moved after too many attempts.",
            mime_type="text/markdown",
        ),
        notification_channels=foundation.channels,
        user_labels=labels,
    )
    place(policy, name.replace("-", "_"), optional=kept.optional)


def ring_when_a_run_fails(
    scope: Construct, role: Role, *, foundation: Foundation, layer: Layer, optional: bool
) -> None:
    """Tell the twin's notification channels when Cloud Scheduler logs that a run failed, or that the function
    could not be called at all.
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
        # A policy on logs must bound how often it tells people.
        alert_strategy=MonitoringAlertPolicyAlertStrategy(
            notification_rate_limit=MonitoringAlertPolicyAlertStrategyNotificationRateLimit(period="3600s"),
            auto_close="3600s",
        ),
        documentation=MonitoringAlertPolicyDocumentation(
            content=f"The log of the function {jobs} says why. The next run goes on where this one stopped.",
            mime_type="text/markdown",
        ),
        notification_channels=foundation.channels,
        user_labels=foundation.twin.labels(layer, role),
        depends_on=foundation.ready,
    )
    place(policy, f"{role}_failed", optional=optional)
