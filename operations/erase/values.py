"""What the twin graph and the rules know of a device's readings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from operations.restore.files import Range
from twin_runtime import jsontext, times
from twin_runtime.events import clocks, cloudevents
from twin_runtime.graph.graph import measured
from twin_runtime.model import Twin
from twin_runtime.ports import GraphTwin, GraphWriter, Row, StateStore, Store

_PAGE = 500
_MOST = 1_000
"""Rows that are read for the newest value of each metric."""
_TIME = re.compile(times.FIXED)


class Node(StrEnum):
    """What was done, or is to be done, with a device's node in the twin graph."""

    NONE = "none"
    KEPT = "kept"
    REPLACED = "values replaced"
    DELETED = "deleted"


def node(graph: GraphWriter, twin: Twin, wanted: Range) -> tuple[Node, GraphTwin | None]:
    """Return what becomes of the node: it may have values of the range; raises `Retry`."""
    found = graph.twin(wanted.device)
    if found is None:
        return Node.NONE, None
    if wanted.device not in twin.devices and wanted.device not in twin.model.entities:
        return Node.DELETED, found
    return (Node.KEPT if found.time is None or found.time < wanted.start else Node.REPLACED), found


def replace(graph: GraphWriter, store: Store, twin: Twin, wanted: Range, now: float) -> Node:
    """Delete the node of a device that twin.yaml no longer has. Of another, replace values that may be of the
    range by those of the newest rows that are left. Raises `Retry`.
    """
    what, found = node(graph, twin, wanted)
    if what is Node.DELETED:
        graph.delete_twin(wanted.device)
    if what is not Node.REPLACED or found is None:
        return what
    left = _newest(store, twin, found, now)
    later = found.values.keys() <= {name for name, (_, time) in left.items() if time >= wanted.end}
    if later and found.time is not None and found.time >= wanted.end:
        return Node.KEPT
    newest = max((time for _, time in left.values()), default=None)
    graph.replace_values(wanted.device, {name: value for name, (value, _) in left.items()}, newest)
    return Node.REPLACED


def mentions(states: StateStore, twin: Twin, wanted: Range) -> bool:
    """Return whether the rules' record of the device is of an event of the range; raises `Retry`.

    A firing in progress has no time of its event: it counts.
    """
    record = states.read([wanted.device]).get(wanted.device)
    if record is None:
        return False
    if wanted.device not in twin.devices or _in_progress(record.text):
        return True
    return any(wanted.start <= time < wanted.end for time in _TIME.findall(record.text))


def _in_progress(text: str) -> bool:
    try:
        return bool(jsontext.loads(text, max_bytes=len(text))["firings"])
    except (jsontext.Malformed, KeyError, TypeError):
        return True


def _newest(store: Store, twin: Twin, found: GraphTwin, now: float) -> Mapping[str, tuple[Any, str]]:
    """Return the newest value of each metric of the node, with the time of its row."""
    telemetry = twin.device_types[twin.devices[found.id]].telemetry if found.id in twin.devices else {}
    left: dict[str, tuple[Any, str]] = {}
    cursor, read = None, 0
    while read < _MOST:
        page = store.query(
            found.id,
            start=times.EARLIEST,
            end=clocks.latest(now),
            limit=_PAGE,
            cursor=cursor,
            descending=True,
        )
        for row in page.rows:
            if row.expires > now:
                for name, value in measured(_data(row), telemetry).items():
                    left.setdefault(name, (value, row.time))
        read += len(page.rows)
        if found.values.keys() <= left.keys() or not page.rows or (len(page.rows) < _PAGE and not page.more):
            break
        cursor = page.rows[-1].key
    return left


def _data(row: Row) -> Any:
    return jsontext.loads(row.data, max_bytes=cloudevents.MAX_STORED_BYTES)
