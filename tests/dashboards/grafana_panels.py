"""What a panel shows: the data of its query, through its transformations, as Grafana applies them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from support.infinity import Frame, Infinity

from .twins import asked_by


def shown(
    board: Mapping[str, Any], panel: Mapping[str, Any], source: Infinity, variables: Mapping[str, str]
) -> Frame:
    """The columns of a panel, by the title that it gives them."""
    frame = source.run(asked_by(board, panel), variables)
    for each in panel.get("transformations", ()):
        frame = _TRANSFORMATIONS[each["id"]](frame, each["options"])
    return frame


def figure(panel: Mapping[str, Any], frame: Frame) -> Any:
    """The value of a stat panel."""
    reduce = panel["options"]["reduceOptions"]
    pattern = reduce["fields"].strip("/")
    (values,) = (values for name, (_, values) in frame.items() if re.search(pattern, name))
    (calculation,) = reduce["calcs"]
    return {"count": len, "max": lambda found: max(found, default=None)}[calculation](values)


def device_names(panel: Mapping[str, Any], values: list[str]) -> list[str]:
    """A column's texts, through the panel's mapping of that column."""
    (override,) = (
        o for o in panel["fieldConfig"]["overrides"] if any(p["id"] == "mappings" for p in o["properties"])
    )
    (mapping,) = next(p["value"] for p in override["properties"] if p["id"] == "mappings")
    assert mapping["type"] == "regex"
    # Grafana anchors a pattern that is not between slashes.
    pattern = f"^{mapping['options']['pattern']}$"
    text = mapping["options"]["result"]["text"].replace("$1", r"\1")
    return [re.sub(pattern, text, value) for value in values]


def _keep(frame: Frame, options: Mapping[str, Any]) -> Frame:
    return {name: column for name, column in frame.items() if name in options["include"]["names"]}


def _sort(frame: Frame, options: Mapping[str, Any]) -> Frame:
    (by,) = options["sort"]
    values = frame[by["field"]][1]
    order = sorted(range(len(values)), key=lambda row: values[row], reverse=by["desc"])
    return {name: (kind, [column[row] for row in order]) for name, (kind, column) in frame.items()}


def _organize(frame: Frame, options: Mapping[str, Any]) -> Frame:
    assert not options["excludeByName"]
    names = sorted(frame, key=lambda name: options["indexByName"].get(name, len(frame)))
    return {options["renameByName"].get(name, name): frame[name] for name in names}


_TRANSFORMATIONS = {"filterFieldsByName": _keep, "sortBy": _sort, "organize": _organize}
