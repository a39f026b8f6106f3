"""The alarm of a dead-letter queue."""

from twinspan.gcp.foundation import Foundation
from twinspan.providers import Construct
from twinspan.providers.gcp import (
    MonitoringAlertPolicy,
    MonitoringAlertPolicyConditions,
    MonitoringAlertPolicyConditionsConditionThreshold,
    MonitoringAlertPolicyConditionsConditionThresholdAggregations,
    MonitoringAlertPolicyDocumentation,
)
from twinspan.resources import Ref, place


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
