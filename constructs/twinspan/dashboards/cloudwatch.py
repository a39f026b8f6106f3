"""Hops in AWS, by CloudWatch."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders.cloudwatch import CloudWatchMetricsQuery
from grafana_foundation_sdk.models import cloudwatch as models
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from twin_runtime.roles import Cloud
from twinspan import datasource
from twinspan.config import Config
from twinspan.dashboards.hops import Hops
from twinspan.dashboards.metrics import Chart
from twinspan.naming import Names

_PERIOD_S = "60"


class CloudWatch:
    """`metrics.Metrics` of SQS and Lambda."""

    source = DataSourceRef(type_val=datasource.METRICS[Cloud.AWS], uid=datasource.METRICS_UID)

    def __init__(self, config: Config, names: Names, hops: Hops) -> None:
        assert config.clouds.aws is not None  # a cloud in use has its entry
        self._region = config.clouds.aws.region
        self._queues = [names.name(queue) for queue in hops.queues]
        self._letters = [names.name(queue) for queue in hops.dead_letters]
        self._functions = [names.name(role) for role in hops.functions]

    def charts(self) -> Sequence[Chart]:
        return [
            Chart("Messages a minute", "short", self._of_queues("NumberOfMessagesSent", "Sum")),
            Chart("Oldest message", "s", self._of_queues("ApproximateAgeOfOldestMessage", "Maximum")),
            Chart(
                "Messages waiting", "short", self._of_queues("ApproximateNumberOfMessagesVisible", "Maximum")
            ),
            Chart("Calls a minute", "short", self._of_functions("Invocations", "Sum")),
            Chart("Failed calls a minute", "short", self._of_functions("Errors", "Sum"), alarming=True),
            Chart("Duration, 95 % of calls", "ms", self._of_functions("Duration", "p95")),
            Chart(
                "Dead letters",
                "short",
                self._queries(
                    "AWS/SQS", "QueueName", self._letters, "ApproximateNumberOfMessagesVisible", "Maximum"
                ),
                description="Messages that wait for a person: read the reason, then resend or purge.",
                alarming=True,
            ),
        ]

    def _of_queues(self, metric: str, statistic: str) -> list[CloudWatchMetricsQuery]:
        return self._queries("AWS/SQS", "QueueName", self._queues, metric, statistic)

    def _of_functions(self, metric: str, statistic: str) -> list[CloudWatchMetricsQuery]:
        return self._queries("AWS/Lambda", "FunctionName", self._functions, metric, statistic)

    def _queries(
        self, namespace: str, dimension: str, values: Sequence[str], metric: str, statistic: str
    ) -> list[CloudWatchMetricsQuery]:
        return [
            CloudWatchMetricsQuery()
            .ref_id(f"Q{number}")
            .id(f"q{number}")
            .query_mode(models.CloudWatchQueryMode.METRICS)
            .metric_query_type(models.MetricQueryType.SEARCH)
            .metric_editor_mode(models.MetricEditorMode.BUILDER)
            .region(self._region)
            .namespace(namespace)
            .metric_name(metric)
            .dimensions({dimension: value})
            .match_exact(True)
            .statistic(statistic)
            .period(_PERIOD_S)
            .label(value)
            .expression("")
            .datasource(self.source)
            for number, value in enumerate(values)
        ]
