"""The overview of all devices: how many of each type have reported, and their latest values."""

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

from twinspan.config.devices import Metric
from twinspan.config.events import Rule
from twinspan.dashboards import naming, panels, queries
from twinspan.dashboards.thresholds import steps
from twinspan.dashboards.units import grafana_unit

SEEN = "Newest event"


class FleetDashboard:
    """`types` are the metrics of each device type, `counts` how many devices it has."""

    def __init__(
        self,
        twin: str,
        types: Mapping[str, Mapping[str, Metric]],
        counts: Mapping[str, int],
        rules: Sequence[Rule],
    ) -> None:
        self.uid = naming.uid(twin, naming.FLEET)
        self._twin = twin
        self._rules = rules
        self._board = panels.board(
            f"{twin}: fleet",
            self.uid,
            twin=twin,
            description="The latest values of every device, whatever the time range.",
        )
        grid = panels.Grid(self._board)
        for name, metrics in types.items():
            grid.row(name)
            self._type(grid, name, metrics, counts.get(name, 0))

    def encode(self) -> bytes:
        return panels.encode(self._board)

    def _type(self, grid: panels.Grid, name: str, metrics: Mapping[str, Metric], count: int) -> None:
        known = panels.figure("Reporting", queries.DEVICE, "count").unit("none")
        known.description(f"Devices of the type with an event in the hot store. twin.yaml has {count}.")
        query = queries.latest_of_type(name, {metric: each.type for metric, each in metrics.items()})
        asked = grid.add(panels.with_targets(known, queries.TWIN, [query]), width=4, height=4)
        shared = [queries.of_panel(asked)]
        newest = panels.figure(SEEN, queries.TIME, "max").unit(panels.FROM_NOW)
        newest.description("The newest of any device of the type.")
        grid.add(panels.with_targets(newest, queries.SHARED, shared), width=4, height=4)
        grid.add(panels.with_targets(self._table(name, metrics), queries.SHARED, shared), width=16, height=10)

    def _table(self, name: str, metrics: Mapping[str, Metric]) -> table.Panel:
        columns = [queries.DEVICE, queries.TIME, *metrics]
        panel = (
            table.Panel()
            .title(f"Latest values of {name}")
            .description(f"Of at most {queries.MOST:,} devices.")
            .filterable(True)
            .transformations([panels.keep(columns), panels.arrange(columns, {queries.TIME: SEEN})])
        )
        link = f"/d/{naming.type_uid(self._twin, name)}?var-device=${{__value.text}}"
        panels.show_devices(panel, link)
        panel.override_by_name(SEEN, [models.DynamicConfigValue("unit", panels.FROM_NOW)])
        of_type = [rule for rule in self._rules if rule.device_type == name]
        for metric, each in metrics.items():
            if each.type.spec.ordered:
                panel.override_by_name(metric, _coloured(metric, each, of_type))
        return panel


def _coloured(name: str, metric: Metric, rules: Sequence[Rule]) -> list[models.DynamicConfigValue]:
    values = [models.DynamicConfigValue("unit", grafana_unit(metric.unit))]
    drawn = steps(name, metric.type, rules)
    if len(drawn) > 1:
        values.append(models.DynamicConfigValue("thresholds", panels.thresholds(drawn).build()))
        values.append(
            models.DynamicConfigValue("custom.cellOptions", common_models.TableColorTextCellOptions())
        )
    return values
