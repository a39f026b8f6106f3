"""Hops in Azure, by what functions and their hosts log: storage queues have no metric each."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders.azuremonitor import AzureLogsQuery, AzureMonitorQuery
from grafana_foundation_sdk.models.azuremonitor import ResultFormat
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from twin_runtime.roles import Cloud
from twinspan import datasource
from twinspan.azure import names as azure_names
from twinspan.config import Config
from twinspan.dashboards.hops import Hops
from twinspan.dashboards.metrics import Chart
from twinspan.naming import Names

_BIN = "by bin(TimeGenerated, $__interval)"


class AzureMonitor:
    """`metrics.Metrics` of the twin's Log Analytics workspace."""

    source = DataSourceRef(type_val=datasource.METRICS[Cloud.AZURE], uid=datasource.METRICS_UID)

    def __init__(self, config: Config, names: Names, hops: Hops) -> None:
        assert config.clouds.azure is not None  # a cloud in use has its entry
        self._subscription = config.clouds.azure.subscription_id
        group = f"/subscriptions/{self._subscription}/resourceGroups/{azure_names.group(names)}"
        self._workspace = f"{group}/providers/Microsoft.OperationalInsights/workspaces/{names.name('logs')}"
        self._letters = [azure_names.queue(names, queue) for queue in hops.dead_letters]

    def charts(self) -> Sequence[Chart]:
        requests = "AppRequests | where $__timeFilter(TimeGenerated)"
        calls = f"{requests} | summarize {{}} {_BIN}, Function = Name"
        failed = f"{requests} | where Success == false | summarize Failed = count() {_BIN}, Function = Name"
        started = (
            'AppTraces | where $__timeFilter(TimeGenerated) | where Message startswith "Trigger Details:"'
            ' | extend Inserted = todatetime(extract("Insert[a-zA-Z]+: ([^,]+)", 1, Message))'
            " | where isnotnull(Inserted)"
            f" | summarize Waited = max((TimeGenerated - Inserted) / 1s) {_BIN}, Function = OperationName"
        )
        return [
            Chart("Calls", "short", self._logs(calls.format("Calls = count()"))),
            Chart(
                "Time in queue",
                "s",
                self._logs(started),
                description="The longest wait of a message that was taken.",
            ),
            Chart("Failed calls", "short", self._logs(failed), alarming=True),
            Chart(
                "Duration, 95 % of calls", "ms", self._logs(calls.format("P95 = percentile(DurationMs, 95)"))
            ),
            Chart(
                "Dead letters",
                "short",
                self._logs(self._dead_letters()),
                description="What went into the dead letters. Read the reason, then resend or purge.",
                alarming=True,
            ),
        ]

    def _dead_letters(self) -> str:
        """A log line that names a queue of dead letters: the host or a function has put something into it."""
        if not self._letters:
            return f'AppTraces | where Message has "-poison" and false | summarize Letters = count() {_BIN}'
        listed = ", ".join(f'"{queue}"' for queue in self._letters)
        cases = ", ".join(f'Message has "{queue}", "{queue}"' for queue in self._letters)
        return (
            f"AppTraces | where $__timeFilter(TimeGenerated) | where Message has_any ({listed})"
            f' | extend Queue = case({cases}, "other") | summarize Letters = count() {_BIN}, Queue'
        )

    def _logs(self, query: str) -> list[AzureMonitorQuery]:
        asked = (
            AzureLogsQuery()
            .query(f"{query} | order by TimeGenerated asc")
            .result_format(ResultFormat.TIME_SERIES)
            .resources([self._workspace])
            .dashboard_time(False)
        )
        return [
            AzureMonitorQuery()
            .ref_id("A")
            .query_type("Azure Log Analytics")
            .subscription(self._subscription)
            .azure_log_analytics(asked)
            .datasource(self.source)
        ]
