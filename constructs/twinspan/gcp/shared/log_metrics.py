"""Metrics that Cloud Logging makes of lines of a function's log."""

from twin_runtime.roles import Role
from twinspan.gcp import names
from twinspan.gcp.foundation import Foundation
from twinspan.providers import Construct
from twinspan.providers.gcp import (
    LoggingMetric,
    LoggingMetricBucketOptions,
    LoggingMetricBucketOptionsExponentialBuckets,
    LoggingMetricMetricDescriptor,
)
from twinspan.terraform.resources import place


def lines(service: str, event: str) -> str:
    """Return the filter of the lines of an event in the log of a function. `service` is its full name."""
    return (
        f'resource.type="cloud_run_revision" AND resource.labels.service_name="{service}" AND '
        f'jsonPayload.event="{event}"'
    )


def measure(scope: Construct, role: Role, event: str, field: str, *, foundation: Foundation) -> None:
    """Record a number of the lines of an event, as the metric `names.log_metric(…, field)`: its distribution,
    in buckets that double from 1 to 2^30.
    """
    twin_names = foundation.twin.names
    metric = LoggingMetric(
        scope,
        f"{field}-metric",
        name=names.log_metric(twin_names, role, field),
        filter=lines(twin_names.name(role), event),
        value_extractor=f"EXTRACT(jsonPayload.{field})",
        metric_descriptor=LoggingMetricMetricDescriptor(metric_kind="DELTA", value_type="DISTRIBUTION"),
        bucket_options=LoggingMetricBucketOptions(
            exponential_buckets=LoggingMetricBucketOptionsExponentialBuckets(
                num_finite_buckets=30, growth_factor=2, scale=1
            )
        ),
        depends_on=foundation.ready,
    )
    place(metric, f"{role}_{field}")
