"""What the dashboards are put together from: the grid, columns of tables, colours."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from grafana_foundation_sdk.builders import common, dashboard, stat, table, text
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.text import TextMode

from twinspan.dashboards.queries import DEVICE
from twinspan.dashboards.thresholds import Step

WIDTH = 24
TAG = "twinspan"
"""On every generated dashboard, and on no other."""
FROM_NOW = "dateTimeFromNow"


class Grid:
    """Places panels from left to right, and numbers them; `rows` under each other."""

    def __init__(self, board: dashboard.Dashboard) -> None:
        self._board = board
        self._x = self._y = self._tallest = 0
        self._last = 0

    def add(self, panel: Any, *, width: int, height: int) -> int:
        """The panel's number."""
        if self._x + width > WIDTH:
            self.row()
        self._last += 1
        self._board.with_panel(
            panel.id(self._last).grid_pos(models.GridPos(x=self._x, y=self._y, w=width, h=height))
        )
        self._x += width
        self._tallest = max(self._tallest, height)
        return self._last

    def row(self, title: str | None = None) -> None:
        """Begin a new row of panels, under a heading if it has a title."""
        self._x, self._y, self._tallest = 0, self._y + self._tallest, 0
        if title:
            self._last += 1
            heading = (
                dashboard.Row(title).id(self._last).grid_pos(models.GridPos(x=0, y=self._y, w=WIDTH, h=1))
            )
            self._board.with_row(heading)
            self._y += 1


def board(title: str, uid: str, *, twin: str, description: str) -> dashboard.Dashboard:
    """An empty dashboard of the last six hours, which links to the twin's others."""
    others = (
        dashboard.DashboardLink(f"Twin {twin}")
        .type(models.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(True)
        .keep_time(True)
    )
    return (
        dashboard.Dashboard(title)
        .uid(uid)
        .tags([TAG, f"twin {twin}"])
        .description(description)
        .timezone("browser")
        .time("now-6h", "now")
        .refresh("1m")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .links([others])
    )


def encode(made: dashboard.Dashboard) -> bytes:
    """The dashboard's JSON, always the same for the same dashboard."""
    return (
        json.dumps(made.build(), cls=JSONEncoder, indent=1, sort_keys=True, ensure_ascii=False).encode()
        + b"\n"
    )


def note(content: str) -> text.Panel:
    """Words, in Markdown."""
    return text.Panel().mode(TextMode.MARKDOWN).content(content)


def thresholds(steps: Iterable[Step]) -> dashboard.ThresholdsConfig:
    made = [models.Threshold(value=step.value, color=step.colour) for step in steps]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(made)


def figure(title: str, field: str, calculation: str) -> stat.Panel:
    """One figure, made from all values of a column."""
    return (
        stat.Panel()
        .title(title)
        .reduce_options(common.ReduceDataOptions().calcs([calculation]).fields(f"/^{field}$/").values(False))
        .graph_mode(common_models.BigValueGraphMode.NONE)
        .color_mode(common_models.BigValueColorMode.NONE)
        .no_value("none yet")
    )


def keep(columns: Sequence[str]) -> models.DataTransformerConfig:
    """The transformation that leaves these columns alone."""
    return models.DataTransformerConfig(
        id_val="filterFieldsByName", options={"include": {"names": list(columns)}}
    )


def in_order(column: str, *, newest_first: bool = False) -> models.DataTransformerConfig:
    """The transformation that sorts rows."""
    return models.DataTransformerConfig(
        id_val="sortBy", options={"fields": {}, "sort": [{"field": column, "desc": newest_first}]}
    )


def arrange(columns: Sequence[str], names: dict[str, str]) -> models.DataTransformerConfig:
    """The transformation that orders columns (Infinity answers them by name), and renames some."""
    order = {column: position for position, column in enumerate(columns)}
    options = {"excludeByName": {}, "includeByName": {}, "indexByName": order, "renameByName": names}
    return models.DataTransformerConfig(id_val="organize", options=options)


def show_devices(panel: table.Panel, link: str | None = None) -> table.Panel:
    """An event's source is `/twins/<twin>/devices/<device>`: show the device, and lead to `link`."""
    mapping = models.RegexMap(
        models.DashboardRegexMapOptions(
            pattern=".*/devices/(.+)", result=models.ValueMappingResult(text="$1")
        )
    )
    properties = [models.DynamicConfigValue("mappings", [mapping])]
    if link:
        properties.append(models.DynamicConfigValue("links", [{"title": "Its dashboard", "url": link}]))
    return panel.override_by_name(DEVICE, properties)


def with_targets(panel: Any, source: models.DataSourceRef, targets: Sequence[Builder[Any]]) -> Any:
    """The panel with its queries, all of one data source."""
    return panel.datasource(source).targets(list(targets))
