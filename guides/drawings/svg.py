"""Diagrams as SVG, for use inside a page: classes alone, texts as text."""

from collections.abc import Sequence

from guides import words
from guides.dataflow.flows import Picture
from guides.drawings import boxes, elements, elk
from guides.drawings.boxes import Text
from guides.drawings.elk import Box, Diagram, Group, Layout, Line
from guides.drawings.superset import superset
from twin_runtime.roles import Cloud, Layer

__all__ = ["describe", "drawings", "superset"]


def drawings(pictures: Sequence[Picture]) -> list[str]:
    """Each picture as an SVG element, laid out in one Node process.

    Raises elk.LayoutError.
    """
    laid_out = elk.layouts([_diagram(picture) for picture in pictures])
    return [_svg(picture, layout) for picture, layout in zip(pictures, laid_out, strict=True)]


def describe(picture: Picture) -> str:
    """What the picture shows, in a sentence: the SVG's title."""
    where = "neighbours in other clouds" if picture.multi else "all layers in one cloud"
    optional = f" {boxes.OPTIONAL}" if picture.flow.optional else ""
    return f"{picture.flow.title}{optional} in {words.CLOUDS[picture.cloud]}, {where}"


def _texts(picture: Picture) -> dict[str, Text]:
    return {node.id: boxes.text(node, [node.cloud] if node.cloud else []) for node in picture.nodes}


def _clouds(picture: Picture) -> dict[Cloud, list[str]]:
    """The clouds of a picture, in the order of the data, with the layers that are in each."""
    found: dict[Cloud, set[Layer]] = {}
    for node in picture.nodes:
        if node.cloud is not None:
            found.setdefault(node.cloud, set()).add(node.layer)
    return {
        cloud: [words.short(layer) for layer in Layer if layer in layers] for cloud, layers in found.items()
    }


def _diagram(picture: Picture) -> Diagram:
    texts = _texts(picture)
    order = {layer: number for number, layer in enumerate(Layer)}
    nodes = sorted(picture.nodes, key=lambda node: order[node.layer])
    lines: list[Line] = []
    for step in picture.steps:
        ends = (step.edge.source, step.edge.target)
        # Laid out in the direction of the data.
        source, target = reversed(ends) if step.edge.reads else ends
        lines.append(Line(step.edge.key, source, target, *elements.label_size(step.edge, step.number)))
    return Diagram(
        tuple(Box(node.id, *boxes.size(node, texts[node.id]), node.cloud or "") for node in nodes),
        tuple(
            Group(cloud, elements.title_width(words.CLOUDS[cloud].split(), more))
            for cloud, more in _clouds(picture).items()
        ),
        tuple(lines),
    )


def _svg(picture: Picture, layout: Layout) -> str:
    texts = _texts(picture)
    parts = [
        elements.group(layout.places[cloud], f'data-cloud="{cloud}"', words.CLOUDS[cloud].split(), more)
        for cloud, more in _clouds(picture).items()
    ]
    for step in picture.steps:
        route = layout.routes[step.edge.key]
        parts.append(
            elements.edge(
                step.edge,
                route[::-1] if step.edge.reads else route,
                layout.labels.get(step.edge.key),
                step.number,
                f'data-edge="{step.edge.key}"',
            )
        )
    for node in picture.nodes:
        cloud = f' data-cloud="{node.cloud}"' if node.cloud else ""
        parts.append(
            elements.node(node, texts[node.id], layout.places[node.id], f'data-node="{node.id}"{cloud}')
        )
    steps = " ".join(f"{step.number}. {step.sentence}" for step in picture.steps)
    return elements.frame(picture.id, layout, describe(picture), steps, "".join(parts))
