"""Hops in Google Cloud, by Cloud Monitoring."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders.googlecloudmonitoring import CloudMonitoringQuery, TimeSeriesList
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from twin_runtime.roles import Cloud
from twinspan import datasource
from twinspan.config import Config
from twinspan.dashboards.hops import Hops
from twinspan.dashboards.metrics import Chart
from twinspan.naming import Names

_SUBSCRIPTION = "resource.label.subscription_id"
_TOPIC = "resource.label.topic_id"
_SERVICE = "resource.label.service_name"


class CloudMonitoring:
    """`metrics.Metrics` of Pub/Sub and Cloud Run."""

    source = DataSourceRef(type_val=datasource.METRICS[Cloud.GCP], uid=datasource.METRICS_UID)

    def __init__(self, config: Config, names: Names, hops: Hops) -> None:
        assert config.clouds.gcp is not None  # a cloud in use has its entry
        self._project = config.clouds.gcp.project
        self._queues = _any_of([names.name(queue) for queue in hops.queues])
        self._letters = _any_of([names.name(queue) for queue in hops.dead_letters])
        self._functions = _any_of([names.name(role) for role in hops.functions])

    def charts(self) -> Sequence[Chart]:
        pubsub, run = "pubsub.googleapis.com/", "run.googleapis.com/"
        waiting, oldest = (
            f"{pubsub}subscription/num_undelivered_messages",
            f"{pubsub}subscription/oldest_unacked_message_age",
        )
        calls = f"{run}request_count"
        failed = ("metric.label.response_code_class", "=~", "[45]xx")
        return [
            Chart(
                "Messages a second",
                "mps",
                self._query(
                    f"{pubsub}topic/send_message_operation_count", _TOPIC, self._queues, "ALIGN_RATE"
                ),
            ),
            Chart("Oldest message", "s", self._query(oldest, _SUBSCRIPTION, self._queues, "ALIGN_MAX")),
            Chart(
                "Messages waiting", "short", self._query(waiting, _SUBSCRIPTION, self._queues, "ALIGN_MAX")
            ),
            Chart("Calls a second", "reqps", self._query(calls, _SERVICE, self._functions, "ALIGN_RATE")),
            Chart(
                "Failed calls a second",
                "reqps",
                self._query(calls, _SERVICE, self._functions, "ALIGN_RATE", failed),
                alarming=True,
            ),
            Chart(
                "Duration, 95 % of calls",
                "ms",
                self._query(
                    f"{run}request_latencies",
                    _SERVICE,
                    self._functions,
                    "ALIGN_DELTA",
                    reducer="REDUCE_PERCENTILE_95",
                ),
            ),
            Chart(
                "Dead letters",
                "short",
                self._query(waiting, _SUBSCRIPTION, self._letters, "ALIGN_MAX"),
                description="Messages that wait for a person: read the reason, then resend or purge.",
                alarming=True,
            ),
        ]

    def _query(
        self,
        metric: str,
        label: str,
        values: str,
        aligner: str,
        more: tuple[str, str, str] | None = None,
        *,
        reducer: str = "REDUCE_SUM",
    ) -> list[CloudMonitoringQuery]:
        """One query for all; series are named after `label`."""
        filters = ["metric.type", "=", metric, "AND", label, "=~", values]
        if more:
            filters += ["AND", *more]
        asked = (
            TimeSeriesList()
            .project_name(self._project)
            .filters(filters)
            .group_bys([label])
            .per_series_aligner(aligner)
            .cross_series_reducer("REDUCE_MAX" if aligner == "ALIGN_MAX" else reducer)
            .alignment_period("cloud-monitoring-auto")
            .view("FULL")
        )
        return [
            CloudMonitoringQuery()
            .ref_id("A")
            .query_type("timeSeriesList")
            .alias_by(f"{{{{{label}}}}}")
            .time_series_list(asked)
            .datasource(self.source)
        ]


def _any_of(names: Sequence[str]) -> str:
    """A regular expression (RE2) that matches one of the names, and no other."""
    return f"^({'|'.join(names)})$"
