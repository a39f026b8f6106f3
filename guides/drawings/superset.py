"""One drawing of every node and edge that a twin can have, of which a page shows those of one twin.

A part is a `<g>` with `data-node="<id>"`, `data-edge="<source>:<target>:<kind>"` or `data-lane="<layer>"`. A
page hides what a twin has not, and gives lanes and nodes `data-cloud`: they then say what they are made of
there. An edge that crosses clouds gets the class `remote`.
"""

from collections.abc import Mapping

from guides import dataflow, words
from guides.dataflow import Edge, Graph
from guides.drawings import boxes, elements, elk
from guides.drawings.boxes import Text
from guides.drawings.elk import Box, Diagram, Group, Line
from twin_runtime.roles import Cloud, Layer

_OPTIONS = {
    "elk.layered.considerModelOrder.strategy": "PREFER_EDGES",
    "elk.layered.nodePlacement.strategy": "NETWORK_SIMPLEX",
    "elk.layered.spacing.edgeNodeBetweenLayers": "18",
    "elk.layered.spacing.nodeNodeBetweenLayers": "30",
    "elk.layered.thoroughness": "4",
}
"""Found by trying: narrow, with few crossings and bends."""
_UNBROKEN_PX = 999.0
"""A service of two lines in one cloud and one in another would stand askew."""
_UPWARD = {
    ("event_checker", "event_feedback"),
    ("event_checker", "commands_queue"),
    ("commands_queue", "event_feedback"),
    ("event_feedback", "broker"),
    ("broker", "devices"),
    ("cold_bucket", "cold_writer"),
    ("cold_bucket", "hot_reader"),
    ("twin_connector", "hot_reader"),
    ("twin_sync", "hot_reader"),
    ("grafana", "hot_reader"),
    ("read_client", "hot_reader"),
    ("graph_client", "twin_reader"),
}
"""Edges that are laid out against their direction, so that the layers stand in their order, L1 on top."""
_BELOW = (("grafana", "twin_connector"), ("grafana", "twin_sync"))
"""Laid out as if there were an edge, which is not drawn: L4 below L5 makes the drawing narrower."""


def superset() -> str:
    """The drawing, as an SVG element. Raises elk.LayoutError."""
    whole = dataflow.everything()
    texts = {node.id: boxes.text(node, list(Cloud), _UNBROKEN_PX) for node in whole.nodes}
    (layout,) = elk.layouts([_diagram(whole, texts)])
    parts = [
        elements.group(layout.places[layer], f'data-lane="{layer}"', *_title(layer), clouds=list(Cloud))
        for layer in Layer
    ]
    for edge in whole.edges:
        route = layout.routes[edge.key]
        parts.append(
            elements.edge(
                edge,
                route[::-1] if _upward(edge) else route,
                layout.labels.get(edge.key),
                None,
                f'data-edge="{edge.key}"',
            )
        )
    parts += [
        elements.node(node, texts[node.id], layout.places[node.id], f'data-node="{node.id}"')
        for node in whole.nodes
    ]
    title, description = "The twin", "What it consists of, and how data goes through it."
    return elements.frame("twin", layout, title, description, "".join(parts), "twin")


def _diagram(whole: Graph, texts: Mapping[str, Text]) -> Diagram:
    lines = []
    for edge in whole.edges:
        ends = (edge.source, edge.target)
        source, target = reversed(ends) if _upward(edge) else ends
        lines.append(Line(edge.key, source, target, *elements.label_size(edge, None)))
    lines += [Line(f"{above}:{below}:", above, below) for above, below in _BELOW]
    nodes = [
        Box(node.id, *boxes.size(node, texts[node.id]), node.layer if node.cloud else "")
        for node in whole.nodes
    ]
    lanes = [Group(layer, elements.title_width(*_title(layer))) for layer in Layer]
    return Diagram(tuple(nodes), tuple(lanes), tuple(lines), _OPTIONS)


def _upward(edge: Edge) -> bool:
    return (edge.source, edge.target) in _UPWARD


def _title(layer: Layer) -> tuple[list[str], list[str]]:
    number, _, rest = words.LAYERS[layer].partition(" ")
    return [number], rest.split()
