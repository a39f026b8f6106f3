"""The operations dashboard: each hop's rate, lag, errors and dead letters, by the metrics of Grafana's own
cloud.
"""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard, timeseries
from grafana_foundation_sdk.models import dashboard as models

from twin_runtime.roles import CLOUD_NAMES, Cloud
from twinspan.config import Config
from twinspan.dashboards import consoles, hops, naming, panels, queries
from twinspan.dashboards.metrics import Chart, Metrics
from twinspan.dashboards.thresholds import BAD, GOOD, Step
from twinspan.naming import Names
from twinspan.topology import Topology

_ALARM = (Step(None, GOOD), Step(1, BAD))


def _metrics(config: Config, cloud: Cloud, found: hops.Hops) -> Metrics:
    names = Names.of(config)
    match cloud:
        case Cloud.AWS:
            from twinspan.dashboards.cloudwatch import CloudWatch

            return CloudWatch(config, names, found)
        case Cloud.AZURE:
            from twinspan.dashboards.azure_monitor import AzureMonitor

            return AzureMonitor(config, names, found)
        case Cloud.GCP:
            from twinspan.dashboards.cloud_monitoring import CloudMonitoring

            return CloudMonitoring(config, names, found)


class OperationsDashboard:
    """`cloud` is Grafana's own."""

    def __init__(self, config: Config, topology: Topology, cloud: Cloud) -> None:
        twin = config.name
        self.uid = naming.uid(twin, naming.OPERATIONS)
        self._config = config
        self._topology = topology
        self._cloud = cloud
        self._board = panels.board(
            f"{twin}: operations",
            self.uid,
            twin=twin,
            description="What each hop does, how far behind it is, and what it refused.",
        )
        grid = panels.Grid(self._board)
        grid.row("End to end")
        self._end_to_end(grid)
        metrics = _metrics(config, cloud, hops.of(topology, cloud))
        grid.row(f"Hops in {CLOUD_NAMES[cloud]}")
        for chart in metrics.charts():
            if chart.targets:
                panel = panels.with_targets(_chart(chart), metrics.source, chart.targets)
                grid.add(panel, width=12, height=8)
        self._elsewhere(grid)

    def encode(self) -> bytes:
        return panels.encode(self._board)

    def _end_to_end(self, grid: panels.Grid) -> None:
        """How old the newest stored event of each type is: it went through every hop, in every cloud."""
        for name in self._config.device_types:
            newest = panels.figure(f"Newest {name}", queries.TIME, "max").unit(panels.FROM_NOW)
            newest.description(f"When the newest event was measured that any {name} has in the hot store.")
            grid.add(
                panels.with_targets(newest, queries.TWIN, [queries.latest_of_type(name, {})]),
                width=4,
                height=4,
            )

    def _elsewhere(self, grid: panels.Grid) -> None:
        for cloud in self._topology.clouds:
            if cloud is self._cloud:
                continue
            roles = hops.of(self._topology, cloud).functions
            grid.row(f"Hops in {CLOUD_NAMES[cloud]}")
            grid.add(panels.note(self._words(cloud, [str(role) for role in roles])), width=24, height=6)

    def _words(self, cloud: Cloud, roles: Sequence[str]) -> str:
        title, own = CLOUD_NAMES[cloud], CLOUD_NAMES[self._cloud]
        pages = "\n".join(f"- [{name}]({url})" for name, url in consoles.links(self._config, cloud))
        return (
            f"This Grafana reads the metrics of {own} alone. Rates, lags, errors and dead letters of what "
            f"runs in {title} ({', '.join(roles) or 'no function'}) are in its console; its alarms tell of "
            f"dead letters by themselves.\n\n{pages}\n"
        )


def _chart(chart: Chart) -> timeseries.Panel:
    panel = (
        timeseries.Panel()
        .title(chart.title)
        .description(chart.description)
        .unit(chart.unit)
        .min(0)
        .color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.PALETTE_CLASSIC))
        .fill_opacity(10)
    )
    return panel.thresholds(panels.thresholds(_ALARM if chart.alarming else _ALARM[:1]))
