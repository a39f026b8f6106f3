"""Runs queries of the Infinity data source (yesoreyeram-infinity-datasource 3.11) over real HTTP, as far as
the generated dashboards use them.

Written from the plugin's source: src/interpolate.ts (variables), pkg/infinity/request.go (address, headers),
remote.go (pages), and of grafana/infinity-libs jsonframer.go and gframer (rows and types), merge.go (pages
become one frame), filterExpression.go. What it does not know it refuses, so that a query cannot pass by being
ignored.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

MAX_PAGES = 5
"""What the plugin allows, where its server's settings say nothing."""
_KNOWN = {
    "refId",
    "datasource",
    "type",
    "source",
    "format",
    "parser",
    "url",
    "url_options",
    "root_selector",
    "columns",
    "computed_columns",
    "filters",
    "filterExpression",
    "pagination_mode",
    "pagination_max_pages",
    "pagination_param_cursor_field_name",
    "pagination_param_cursor_field_type",
    "pagination_param_cursor_extraction_path",
}
_PADDED = re.compile(r"\[(\w+),!\[\{\}\]\]\.@flatten")
_NOT_NULL = re.compile(r"\[([^\[\]]+)\] != null")
Frame = dict[str, tuple[str, list[Any]]]
"""Type and values of each column, by its title, in the order of the titles."""


class QueryFailed(Exception):
    """What the panel would show in place of data."""


@dataclass
class Infinity:
    """A data source as Grafana keeps it; `trust` is a file of authorities for https, `asked` are the
    addresses of its requests.
    """

    url: str
    json_data: Mapping[str, Any]
    secrets: Mapping[str, str]
    trust: Path | None = None
    asked: list[str] = field(default_factory=list[str])

    def run(self, query: Mapping[str, Any], variables: Mapping[str, str]) -> Frame:
        """The frame that a panel gets; raises `QueryFailed`."""
        unknown = query.keys() - _KNOWN
        fixed = {"type": "json", "source": "url", "format": "table", "parser": "backend"}
        assert not unknown, unknown
        assert all(query[name] == value for name, value in fixed.items()), query
        assert query["url_options"]["method"] == "GET"
        assert not query.get("computed_columns")
        assert not query.get("filters")
        given = [
            (each["key"], interpolated(each["value"], variables)) for each in query["url_options"]["params"]
        ]
        frame = _merged(self._pages(query, given))
        return _filtered(frame, query.get("filterExpression", ""))

    def _pages(self, query: Mapping[str, Any], given: list[tuple[str, str]]) -> list[Frame]:
        if query.get("pagination_mode", "none") == "none":
            return [_frame(self._get(query["url"], given), query)]
        assert query["pagination_mode"] == "cursor"
        assert query["pagination_param_cursor_field_type"] == "query"
        pages, cursor = [], ""
        for number in range(min(query["pagination_max_pages"], MAX_PAGES) + 1):
            more = [(query["pagination_param_cursor_field_name"], cursor)] if number else []
            document = self._get(query["url"], [*given, *more])
            pages.append(_frame(document, query))
            cursor = _text(document.get(query["pagination_param_cursor_extraction_path"]))
            if not cursor:
                break
        return pages

    def _get(self, path: str, params: list[tuple[str, str]]) -> Any:
        address = f"{self.url}{path}?{urlencode(sorted(params, key=lambda pair: pair[0]))}"
        if not any(address.startswith(allowed) for allowed in self.json_data["allowedHosts"]):
            raise QueryFailed("requested URL is not allowed")
        self.asked.append(address)
        assert self.json_data["auth_method"] == "none"
        headers = {"accept": "application/json;q=0.9,text/plain"}
        headers[self.json_data["httpHeaderName1"]] = self.secrets["httpHeaderValue1"]
        parts = urlsplit(address)
        connection = http.client.HTTPConnection(parts.netloc, timeout=10)
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=self.trust)
            connection = http.client.HTTPSConnection(parts.netloc, timeout=60, context=context)
        try:
            connection.request("GET", f"{parts.path or '/'}?{parts.query}", headers=headers)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status >= 400:
            raise QueryFailed(f"unsuccessful HTTP response: {answer.status} {body.decode()}")
        return json.loads(body)


def interpolated(text: str, variables: Mapping[str, str]) -> str:
    """`${name}` and `${__from:date:iso}`; a variable that is not there stays as it is, and so shows."""
    return re.sub(r"\$\{([^{}]+)\}", lambda found: variables.get(found[1], found[0]), text)


def time_range(start: datetime, end: datetime) -> dict[str, str]:
    """The variables of a dashboard's time range."""
    return {
        f"__{name}:date:iso": at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for name, at in (("from", start), ("to", end))
    }


def _frame(document: Any, query: Mapping[str, Any]) -> Frame:
    selector = query["root_selector"]
    padded = _PADDED.fullmatch(selector)
    assert padded or selector.isidentifier(), selector
    root = document.get(padded[1] if padded else selector)
    if root is None:
        raise QueryFailed("failed to select root selector")
    rows = [*root, {}] if padded else list(root)
    if not rows:
        return {}
    columns = {
        column["text"]: (column["type"], [_selected(row, column["selector"]) for row in rows])
        for column in query["columns"]
    }
    assert len(columns) == len(query["columns"]), "two columns have one title"
    return {title: _typed(*columns[title]) for title in sorted(columns)}


def _selected(row: Any, path: str) -> Any:
    for name in path.split("."):
        assert name.replace("_", "a").isalnum(), f"{path!r} is more than gjson's plain path"
        row = row.get(name) if isinstance(row, dict) else None
    return row


def _typed(kind: str, values: list[Any]) -> tuple[str, list[Any]]:
    if any(isinstance(value, dict | list) for value in values):
        return "string", [None if value is None else json.dumps(value) for value in values]
    convert = {"number": _number, "string": _string, "boolean": _boolean, "timestamp": _time}[kind]
    return kind, [convert(value) for value in values]


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _string(value: Any) -> str | None:
    return None if value is None else _text(value)


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else True if value == "true" else None


def _time(value: Any) -> datetime | None:
    return datetime.fromisoformat(value.replace("Z", "+00:00")) if isinstance(value, str) else None


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _merged(pages: list[Frame]) -> Frame:
    first = pages[0]
    for page in pages[1:]:
        if len(page) != len(first):
            raise QueryFailed("unable to merge fields due to different fields length")
        if any(name not in page or page[name][0] != kind for name, (kind, _) in first.items()):
            raise QueryFailed("unable to merge fields due to different field types")
    return {name: (kind, [v for page in pages for v in page[name][1]]) for name, (kind, _) in first.items()}


def _filtered(frame: Frame, expression: str) -> Frame:
    if not expression or not frame:
        return frame
    found = _NOT_NULL.fullmatch(expression)
    assert found, expression
    kept = [value is not None for value in frame[found[1]][1]]
    return {
        name: (kind, [value for value, keep in zip(values, kept, strict=True) if keep])
        for name, (kind, values) in frame.items()
    }
