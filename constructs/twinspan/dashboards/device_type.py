"""The dashboard of one device type: a panel per metric, for the device that is chosen."""

from collections.abc import Mapping, Sequence
from typing import Any

from grafana_foundation_sdk.builders import common, dashboard, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

from twinspan.config.devices import Metric
from twinspan.config.events import Rule
from twinspan.dashboards import naming, panels, queries
from twinspan.dashboards.thresholds import mentions, sentence, states, steps
from twinspan.dashboards.units import grafana_unit

MOST_LISTED = 1_000
"""Devices in the list to choose from; of more, a name is typed."""
TIER = "tier"


class TypeDashboard:
    """`devices` are those of the type. `tiers`: the twin has a cold tier, which can be read too."""

    def __init__(
        self,
        twin: str,
        name: str,
        metrics: Mapping[str, Metric],
        devices: Sequence[str],
        rules: Sequence[Rule],
        *,
        tiers: bool,
    ) -> None:
        self.uid = naming.type_uid(twin, name)
        self._metrics = metrics
        self._rules = [rule for rule in rules if rule.device_type == name]
        self._of_devices = [rule for rule in rules if rule.device in devices]
        self._board = panels.board(
            f"{twin}: {name}",
            self.uid,
            twin=twin,
            description=f"One device of the type {name} at a time. Values are red where a rule can fire.",
        )
        self._board.with_variable(_device(devices))
        if tiers:
            self._board.with_variable(_tier())
        self._kinds = {metric: each.type for metric, each in metrics.items()}
        more = {TIER: f"${{{TIER}}}"} if tiers else {}
        self._query = queries.of_device("${device}", self._kinds, more)
        self._fill(panels.Grid(self._board))

    def encode(self) -> bytes:
        return panels.encode(self._board)

    def _fill(self, grid: panels.Grid) -> None:
        """The first panel queries; the others show its result."""
        last = panels.figure("Newest event", queries.TIME, "max").unit(panels.FROM_NOW)
        last.description("Of the device, in the time range.")
        asked = grid.add(panels.with_targets(last, queries.TWIN, [self._query]), width=6, height=4)
        shared = [queries.of_panel(asked)]
        count = panels.figure("Events", queries.TIME, "count").unit("none")
        count.description(
            f"In the time range. The newest {queries.MOST:,} are read, and older ones are not shown."
        )
        grid.add(panels.with_targets(count, queries.SHARED, shared), width=6, height=4)
        grid.row()
        for name, metric in self._metrics.items():
            if not metric.type.spec.ordered:
                continue
            grid.add(
                panels.with_targets(self._number(name, metric), queries.SHARED, shared), width=12, height=8
            )
        grid.row()
        for name, metric in self._metrics.items():
            if metric.type.spec.ordered:
                continue
            grid.add(
                panels.with_targets(self._state(name, metric), queries.SHARED, shared), width=24, height=5
            )
        grid.row()
        grid.add(panels.with_targets(self._events(), queries.SHARED, shared), width=24, height=10)

    def _number(self, name: str, metric: Metric) -> timeseries.Panel:
        drawn = steps(name, metric.type, self._rules)
        panel = (
            timeseries.Panel()
            .title(name)
            .description(self._description(name))
            .unit(grafana_unit(metric.unit))
            .thresholds(panels.thresholds(drawn))
            .color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.PALETTE_CLASSIC))
            .legend(
                common.VizLegendOptions().show_legend(False).placement(common_models.LegendPlacement.BOTTOM)
            )
            .show_points(common_models.VisibilityMode.AUTO)
            .span_nulls(True)
            .transformations([panels.keep([queries.TIME, name]), panels.in_order(queries.TIME)])
        )
        if metric.type.spec.whole:
            panel.decimals(0)
        if len(drawn) > 1:
            style = common_models.GraphThresholdsStyleMode.LINE_AND_AREA
            panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(style))
        return panel

    def _state(self, name: str, metric: Metric) -> statetimeline.Panel:
        colours, other = states(name, metric.type, self._rules)
        return (
            statetimeline.Panel()
            .title(name)
            .description(self._description(name))
            .mappings([_mapping(colours)] if colours else [])
            .thresholds(panels.thresholds([panels.Step(None, other)]))
            .color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
            .show_value(common_models.VisibilityMode.AUTO)
            .merge_values(True)
            .fill_opacity(80)
            .transformations([panels.keep([queries.TIME, name]), panels.in_order(queries.TIME)])
        )

    def _events(self) -> table.Panel:
        columns = [queries.TIME, *self._metrics, queries.DATA]
        panel = (
            table.Panel()
            .title("Events")
            .description("As they are stored, with all that the processor added.")
            .transformations([panels.keep(columns), panels.arrange(columns, {})])
        )
        for name, metric in self._metrics.items():
            if metric.type.spec.ordered:
                value = models.DynamicConfigValue("unit", grafana_unit(metric.unit))
                panel.override_by_name(name, [value])
        return panel

    def _description(self, name: str) -> str:
        told = [f"Rule {r.name}: {sentence(r.when)}" for r in self._rules if mentions(name, r)]
        told += [
            f"Rule {r.name}, for {r.device} alone: {sentence(r.when)}"
            for r in self._of_devices
            if mentions(name, r)
        ]
        return "\n\n".join(told)


def _mapping(colours: Mapping[str, str]) -> models.ValueMap:
    return models.ValueMap(
        {
            value: models.ValueMappingResult(text=value, color=colour, index=position)
            for position, (value, colour) in enumerate(colours.items())
        }
    )


def _device(devices: Sequence[str]) -> Any:
    first = devices[0] if devices else ""
    chosen = models.VariableOption(selected=True, text=first, value=first)
    if not devices or len(devices) > MOST_LISTED:
        typed = dashboard.TextBoxVariable("device").label("Device").default_value(first)
        return typed.current(chosen).options([chosen])
    options = [models.VariableOption(selected=each == first, text=each, value=each) for each in devices]
    return (
        dashboard.CustomVariable("device")
        .label("Device")
        .values(",".join(devices))
        .current(chosen)
        .options(options)
        .multi(False)
        .include_all(False)
    )


def _tier() -> Any:
    """Read the hot store alone, which is quick, or the cold tier too."""
    words = {"hot": "recent", "all": "also cold"}
    options = [models.VariableOption(selected=w == "hot", text=t, value=w) for w, t in words.items()]
    return (
        dashboard.CustomVariable(TIER)
        .label("Data")
        .values(",".join(f"{text} : {word}" for word, text in words.items()))
        .current(options[0])
        .options(options)
        .multi(False)
        .include_all(False)
    )
