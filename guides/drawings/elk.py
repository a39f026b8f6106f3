"""Layered layout of diagrams, by ELK (elkjs) in one Node process for all diagrams of a call."""

import json
import math
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

SCRIPT = Path(__file__).with_name("elk.mjs")
TIMEOUT_S = 120


class LayoutError(RuntimeError):
    """Node or elkjs is missing, or ELK refused a diagram."""


class Rect(NamedTuple):
    """A place in the drawing, in pixels from its upper left corner."""

    x: float
    y: float
    width: float
    height: float


class Point(NamedTuple):
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Box:
    """A node; `group` is the id of the group that it lies in, or empty."""

    id: str
    width: float
    height: float
    group: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A border around boxes, with room for a title of that width at its left, where no edge passes."""

    id: str
    title_width: float


@dataclass(frozen=True, slots=True)
class Line:
    """An edge with a label of that size on it; without a label where the width is 0."""

    id: str
    source: str
    target: str
    label_width: float = 0
    label_height: float = 0


@dataclass(frozen=True, slots=True)
class Diagram:
    """What is laid out. `options` are ELK's own, for the whole diagram."""

    boxes: tuple[Box, ...]
    groups: tuple[Group, ...]
    lines: tuple[Line, ...]
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything of a diagram is, by id."""

    width: float
    height: float
    places: Mapping[str, Rect]
    routes: Mapping[str, tuple[Point, ...]]
    labels: Mapping[str, Rect]


OPTIONS = {
    "elk.algorithm": "layered",
    "elk.direction": "DOWN",
    "elk.edgeRouting": "ORTHOGONAL",
    "elk.hierarchyHandling": "INCLUDE_CHILDREN",
    "elk.json.shapeCoords": "ROOT",
    "elk.json.edgeCoords": "ROOT",
    "elk.padding": "[top=4,left=4,bottom=4,right=4]",
    "elk.randomSeed": "1",
    "elk.spacing.nodeNode": "20",
    "elk.spacing.edgeNode": "14",
    "elk.spacing.edgeEdge": "12",
    "elk.spacing.edgeLabel": "0",
    "elk.layered.spacing.nodeNodeBetweenLayers": "18",
    "elk.layered.spacing.edgeNodeBetweenLayers": "14",
    "elk.layered.spacing.edgeEdgeBetweenLayers": "12",
    "elk.layered.considerModelOrder.strategy": "NODES_AND_EDGES",
    "elk.layered.nodePlacement.strategy": "NETWORK_SIMPLEX",
    "elk.layered.nodePlacement.favorStraightEdges": "true",
}
GROUP_PADDING_PX = 12


def layouts(diagrams: Sequence[Diagram]) -> list[Layout]:
    """Lay out diagrams, all in one Node process. The same diagrams give the same layouts.

    Raises LayoutError with a sentence.
    """
    if not diagrams:
        return []
    answer = _node(json.dumps([_graph(diagram) for diagram in diagrams]))
    return [_layout(graph) for graph in json.loads(answer)]


def _node(text: str) -> str:
    node = shutil.which("node")
    if node is None:
        raise LayoutError("Diagrams are laid out by elkjs: install Node 20 or newer, then run `npm ci`.")
    try:
        done = subprocess.run(  # noqa: S603
            [node, str(SCRIPT)], input=text, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise LayoutError(f"elkjs took longer than {TIMEOUT_S} seconds.") from late
    if "ERR_MODULE_NOT_FOUND" in done.stderr:
        raise LayoutError("Diagrams are laid out by elkjs, which is not installed: run `npm ci`.")
    if done.returncode:
        raise LayoutError(f"elkjs failed: {done.stderr.strip()[-2000:]}")
    return done.stdout


def _graph(diagram: Diagram) -> dict[str, Any]:
    """The diagram as ELK's JSON."""
    inside: dict[str, list[dict[str, Any]]] = {group.id: [] for group in diagram.groups}
    inside[""] = []
    for box in diagram.boxes:
        inside[box.group].append({"id": box.id, "width": box.width, "height": box.height})
    groups = [
        {
            "id": group.id,
            "children": inside[group.id],
            "layoutOptions": {"elk.padding": _padding(group)},
        }
        for group in diagram.groups
    ]
    return {
        "id": "root",
        "layoutOptions": {**OPTIONS, **diagram.options},
        "children": [*inside[""], *groups],
        "edges": [_edge(line) for line in diagram.lines],
    }


def _padding(group: Group) -> str:
    edge = GROUP_PADDING_PX
    return f"[top={edge},left={2 * edge + group.title_width},bottom={edge},right={edge}]"


def _edge(line: Line) -> dict[str, Any]:
    edge: dict[str, Any] = {"id": line.id, "sources": [line.source], "targets": [line.target]}
    if line.label_width:
        options = {"elk.edgeLabels.inline": "true", "elk.edgeLabels.placement": "CENTER"}
        size = {"width": line.label_width, "height": line.label_height}
        # ELK takes labels without a text for none.
        edge["labels"] = [{"id": f"label {line.id}", "text": line.id, **size, "layoutOptions": options}]
    return edge


def _layout(graph: Mapping[str, Any]) -> Layout:
    places = {node["id"]: _rect(node) for node in _nodes(graph)}
    routes: dict[str, tuple[Point, ...]] = {}
    labels: dict[str, Rect] = {}
    for edge in graph["edges"]:
        (section,) = edge["sections"]
        points = [section["startPoint"], *section.get("bendPoints", ()), section["endPoint"]]
        routes[edge["id"]] = straight([Point(_whole(point["x"]), _whole(point["y"])) for point in points])
        for label in edge.get("labels", ()):
            labels[edge["id"]] = _rect(label)
    return Layout(_whole(graph["width"]), _whole(graph["height"]), places, routes, labels)


def straight(points: Sequence[Point]) -> tuple[Point, ...]:
    """The route without the steps of a pixel that rounding makes, and without points inside a segment."""
    route = [points[0]]
    for point in points[1:]:
        last = route[-1]
        dx, dy = abs(point.x - last.x), abs(point.y - last.y)
        if max(dx, dy) <= 1:
            continue
        straight = Point(last.x, point.y) if dx <= 1 else Point(point.x, last.y) if dy <= 1 else point
        before = route[-2] if len(route) > 1 else None
        if before and (before.x == last.x == straight.x or before.y == last.y == straight.y):
            route.pop()
        route.append(straight)
    return tuple(route)


def _nodes(graph: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for node in graph.get("children", ()):
        yield node
        yield from _nodes(node)


def _rect(element: Mapping[str, Any]) -> Rect:
    return Rect(*(_whole(element[name]) for name in ("x", "y", "width", "height")))


def _whole(number: float) -> float:
    """The nearest whole number: lines between pixels are blurred."""
    return float(math.floor(number + 0.5))
