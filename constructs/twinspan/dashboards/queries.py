"""Queries of hot_reader through the Infinity data source.

Infinity pages by itself, through the answer's `cursor`: one request and `MAX_PAGES` more. It puts the pages
together column by column, and refuses them when their columns or types differ. So columns are typed; and as a
page without events would have no column at all, each gets a row of nothing, which is taken out in the end.
"""

from collections.abc import Mapping
from typing import Any

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.runtime import UnknownDataquery
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from twin_runtime.values import ValueType
from twinspan import datasource

TIME = "Event time"
DEVICE = "Device id"
DATA = "Whole event"
"""Column titles. A metric's name has no space, so none is called like one of these."""
PAGE = 1_000
"""Events that hot_reader answers at most."""
MAX_PAGES = 5
"""The maximum of Infinity, whatever a query says, unless its server is configured otherwise."""
MOST = PAGE * (MAX_PAGES + 1)
TWIN = DataSourceRef(type_val=datasource.PLUGIN, uid=datasource.UID)
SHARED = DataSourceRef(type_val="datasource", uid="-- Dashboard --")
"""Grafana's own name for the data of another panel of the dashboard."""


class Query(Builder[Dataquery]):
    """A query as Grafana stores it."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._content = content

    def build(self) -> Dataquery:
        return UnknownDataquery(self._content)


def events(parameters: Mapping[str, str], metrics: Mapping[str, ValueType]) -> Query:
    """The events that hot_reader answers to `parameters`, a row each: time, device, a column per metric."""
    columns = [
        _column("time", TIME, "timestamp"),
        _column("source", DEVICE, "string"),
        *(_column(f"data.{name}", name, kind.spec.grafana) for name, kind in metrics.items()),
        _column("data", DATA, "string"),
    ]
    return Query(
        {
            "refId": "A",
            "datasource": TWIN.to_json(),
            "type": "json",
            "source": "url",
            "format": "table",
            "parser": "backend",
            "url": "",
            "url_options": {
                "method": "GET",
                "data": "",
                "params": [{"key": name, "value": value} for name, value in parameters.items()],
            },
            "root_selector": "[events,![{}]].@flatten",
            "filterExpression": f"[{DEVICE}] != null",
            "columns": columns,
            "computed_columns": [],
            "filters": [],
            "pagination_mode": "cursor",
            "pagination_max_pages": MAX_PAGES,
            "pagination_param_cursor_field_name": "cursor",
            "pagination_param_cursor_field_type": "query",
            "pagination_param_cursor_extraction_path": "cursor",
        }
    )


def of_device(device: str, metrics: Mapping[str, ValueType], more: Mapping[str, str]) -> Query:
    """The newest events of a device in the dashboard's time range, the newest first."""
    parameters = {
        "device": device,
        "from": "${__from:date:iso}",
        "to": "${__to:date:iso}",
        "order": "desc",
        "limit": str(PAGE),
        **more,
    }
    return events(parameters, metrics)


def latest_of_type(device_type: str, metrics: Mapping[str, ValueType]) -> Query:
    """The newest event of each device of a type, whatever the time range."""
    return events({"type": device_type, "latest": "true", "limit": str(PAGE)}, metrics)


def of_panel(panel: int) -> Query:
    """The result of another panel's query, before its transformations."""
    return Query({"refId": "A", "datasource": SHARED.to_json(), "panelId": panel, "withTransforms": False})


def _column(selector: str, title: str, kind: str) -> dict[str, str]:
    return {"selector": selector, "text": title, "type": kind}
