"""Metrics that CloudWatch makes of lines of a function's log."""

from twin_runtime.roles import Role
from twinspan.aws import names
from twinspan.aws.foundation import Foundation
from twinspan.providers import Construct
from twinspan.providers.aws import CloudwatchLogMetricFilter, CloudwatchLogMetricFilterMetricTransformation
from twinspan.terraform.resources import Ref, place

NAMESPACE = "Twinspan"


def count(scope: Construct, role: Role, event: str, *, foundation: Foundation) -> Ref:
    """Count the lines of an event, as the metric `names.log_metric(…, event)`."""
    # The default is for minutes that have lines, but none of the event.
    return _metric(scope, role, event, event, value="1", default="0", foundation=foundation)


def measure(scope: Construct, role: Role, event: str, field: str, *, foundation: Foundation) -> Ref:
    """Record a number of the lines of an event, as the metric `names.log_metric(…, field)`."""
    return _metric(scope, role, event, field, value=f"$.{field}", default=None, foundation=foundation)


def _metric(
    scope: Construct,
    role: Role,
    event: str,
    name: str,
    *,
    value: str,
    default: str | None,
    foundation: Foundation,
) -> Ref:
    lines = CloudwatchLogMetricFilter(
        scope,
        f"{name}-metric",
        name=name,
        log_group_name=names.function_log(foundation.twin.names, role),
        pattern=f'{{ $.event = "{event}" }}',
        metric_transformation=CloudwatchLogMetricFilterMetricTransformation(
            name=names.log_metric(foundation.twin.names, role, name),
            namespace=NAMESPACE,
            value=value,
            default_value=default,
        ),
    )
    lines.add_override("depends_on", [f"aws_cloudwatch_log_group.{role}"])
    return place(lines, f"{role}_{name}")
