"""What the diagrams look like: everything has its place, nothing lies over anything else, and all of it is
told to those who do not see it.
"""

import itertools
import re
from collections import Counter
from functools import cache
from xml.etree.ElementTree import Element

import pytest

from guides import dataflow, drawing, elk, flows, metrics, svg, twins
from support import drawings
from support.drawings import SVG, Area
from twin_runtime.roles import Cloud, Layer

PHONE_PX = 390 - 32
"""The width of a narrow screen within its margins. Wider drawings are shown smaller."""
LEAST_PX = 8.5
"""The size of a diagram's smallest text there, at least."""
CSS = (twins.ROOT / "templates" / "guides" / "diagram.css").read_text(encoding="utf-8")
VARIABLES = {
    *("aws", "azure", "gcp", "ink", "paper", "edge", "raised", "outside", "optional"),
    *("aws-tint", "azure-tint", "gcp-tint", "cloud", "tint"),
}
"""Custom properties that pages define, and the two that the sheet itself does."""


PLACEMENTS = (*twins.SINGLE.values(), *twins.SPREAD)
CLOUDS = [
    Cloud.AWS,
    pytest.param(Cloud.AZURE, marks=pytest.mark.matrix),
    pytest.param(Cloud.GCP, marks=pytest.mark.matrix),
]
in_each_cloud = pytest.mark.parametrize("cloud", CLOUDS)


@cache
def pictures(cloud: Cloud) -> tuple[flows.Picture, ...]:
    """What a cloud's guide shows."""
    return tuple(
        draw(flow, cloud)
        for layer in Layer
        for flow in flows.flows(layer)
        for draw in (flows.single, flows.multi)
    )


@cache
def drawn(cloud: Cloud) -> tuple[str, ...]:
    return tuple(svg.drawings(pictures(cloud)))


@cache
def superset() -> str:
    return svg.superset()


def everything(cloud: Cloud) -> list[tuple[str, Element]]:
    """The text and the root of each drawing, and of that of all."""
    return [(text, drawings.read(text)) for text in (*drawn(cloud), superset())]


def sizes() -> dict[str, float]:
    """The font size of each class of text, as the style sheet has it."""
    (usual,) = re.findall(r"\.diagram text \{ font: (\d+)px", CSS)
    own = re.findall(r"\.diagram \.([\w-]+) \{ font-size: (\d+)px", CSS)
    bold = re.findall(r"\.diagram \.([\w-]+) \{[^}]*font-weight: 700", CSS)
    return (
        {"": float(usual)}
        | {name: float(size) for name, size in own}
        | {f"{name} bold": 1.0 for name in bold}
    )


def text_area(text: Element, start: bool) -> Area:
    """The place of a line of text: x is its start or its middle, y its baseline."""
    kind, known = text.attrib["class"], sizes()
    size = known.get(kind, known[""])
    wide = metrics.width(text.text or "", size, bold=f"{kind} bold" in known)
    x, y = float(text.attrib["x"]), float(text.attrib["y"])
    left = x if start else x - wide / 2
    return Area(left, y - 0.76 * size, left + wide, y + 0.24 * size)


def texts(group: Element) -> list[Area]:
    return [text_area(text, "group" in group.attrib["class"]) for text in group.findall(f"{SVG}text")]


@in_each_cloud
def test_a_drawing_says_what_it_shows(cloud: Cloud):
    seen: Counter[str] = Counter()
    for text, root in everything(cloud):
        assert root.attrib["role"] == "img"
        title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
        assert title is not None
        assert description is not None
        assert root.attrib["aria-labelledby"] == f"{title.attrib['id']} {description.attrib['id']}"
        assert title.text
        assert description.text
        seen.update(re.findall(r' id="([^"]+)"', text))
    assert set(seen.values()) == {1}


@in_each_cloud
def test_the_description_has_every_step(cloud: Cloud):
    for picture, text in zip(pictures(cloud), drawn(cloud), strict=True):
        description = drawings.read(text).find(f"{SVG}desc")
        assert description is not None
        for step in picture.steps:
            assert f"{step.number}. {step.sentence}" in (description.text or "")


@in_each_cloud
def test_numbers_edges_and_nodes_are_those_of_the_steps(cloud: Cloud):
    for picture, text in zip(pictures(cloud), drawn(cloud), strict=True):
        root = drawings.read(text)
        edges = drawings.parts(root, "data-edge")
        assert list(edges) == [step.edge.key for step in picture.steps]
        for step in picture.steps:
            group = edges[step.edge.key]
            numbers = [each.text for each in group.iter(f"{SVG}text") if each.attrib["class"] == "number"]
            assert numbers == [str(step.number)]
            classes = group.attrib["class"].split()
            assert ("remote" in classes, "optional" in classes) == (step.edge.remote, step.optional)
        nodes = drawings.parts(root, "data-node")
        assert set(nodes) == {node.id for node in picture.nodes}
        for node in picture.nodes:
            told = "[Optional]" in [each.text for each in nodes[node.id].iter(f"{SVG}text")]
            assert told == node.optional == ("optional" in nodes[node.id].attrib["class"].split())
            assert nodes[node.id].attrib.get("data-cloud") == node.cloud


@in_each_cloud
def test_nothing_lies_over_anything_else(cloud: Cloud):
    for picture, text in zip(pictures(cloud), drawn(cloud), strict=True):
        root = drawings.read(text)
        nodes = {name: drawings.area(group) for name, group in drawings.parts(root, "data-node").items()}
        clouds = {name: drawings.area(group) for name, group in drawings.parts(root, "data-cloud").items()}
        edges = drawings.parts(root, "data-edge")
        pills = [drawings.area(pill) for pill in root.iter(f"{SVG}rect") if pill.attrib["class"] == "pill"]
        assert len(pills) == len(edges)
        for one, other in itertools.combinations([*nodes.values(), *pills], 2):
            assert not one.meets(other), picture.id
        for one, other in itertools.combinations(clouds.values(), 2):
            assert not one.meets(other), picture.id
        titles = [area for group in drawings.parts(root, "data-cloud").values() for area in texts(group)]
        for area in [*nodes.values(), *clouds.values(), *pills, *titles]:
            assert drawings.view(root).holds(area), picture.id
        for node in picture.nodes:
            inside = [name for name, area in clouds.items() if area.holds(nodes[node.id])]
            assert inside == ([node.cloud] if node.cloud else []), (picture.id, node.id)
        for edge in edges.values():
            for piece in drawings.segments(edge):
                for area in (*nodes.values(), *titles):
                    assert not drawings.crosses(piece, area), (picture.id, edge.attrib["data-edge"])
        for title in titles:
            assert not any(title.meets(area) for area in (*nodes.values(), *pills)), picture.id


@in_each_cloud
def test_edges_are_straight_and_end_at_their_nodes(cloud: Cloud):
    for text, root in everything(cloud):
        nodes = {name: drawings.area(group) for name, group in drawings.parts(root, "data-node").items()}
        for name, edge in drawings.parts(root, "data-edge").items():
            corners = drawings.route(edge)
            for (x1, y1), (x2, y2) in itertools.pairwise(corners):
                assert x1 == x2 or y1 == y2, (name, corners)
            source, target, _ = name.split(":")
            heads = [path for path in edge.iter(f"{SVG}path") if path.attrib["class"] == "head"]
            (tip,) = (next(drawings.points(head.attrib["d"])) for head in heads)
            for (x, y), node in ((corners[0], source), (tip, target)):
                area = nodes[node]
                assert area.left <= x <= area.right, (name, text[:80])
                assert min(abs(y - area.top), abs(y - area.bottom)) <= 1, (name, text[:80])


@in_each_cloud
def test_texts_fit_into_their_outlines(cloud: Cloud):
    for _, root in everything(cloud):
        for group in root.iter(f"{SVG}g"):
            if "data-node" in group.attrib:
                outline = drawings.area(group)
                for place in texts(group):
                    assert outline.holds(place), (group.attrib["data-node"], outline, place)
            if "group" in group.attrib["class"].split():
                border = drawings.area(group)
                assert all(border.holds(place) for place in texts(group))


@in_each_cloud
def test_diagrams_can_be_read_on_a_narrow_screen(cloud: Cloud):
    smallest = min(size for name, size in sizes().items() if not name.endswith("bold"))
    for picture, text in zip(pictures(cloud), drawn(cloud), strict=True):
        wide = drawings.view(drawings.read(text)).right
        assert smallest * min(1, PHONE_PX / wide) >= LEAST_PX, (picture.id, wide)


def test_the_look_is_the_style_sheets_alone():
    used: set[str] = set()
    for text, _ in everything(Cloud.AWS):
        assert not re.search(r'\b(style|fill|stroke|color|font-\w+)="', text)
        assert not re.search(r"#[0-9a-f]{3,8}\b|url\(|href|<script|<image", text)
        used |= set(
            itertools.chain.from_iterable(names.split() for names in re.findall(r'class="([^"]+)"', text))
        )
    assert "!important" not in CSS
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b|rgb|hsl|url\(", CSS)
    assert set(re.findall(r"var\(--([\w-]+)", CSS)) <= VARIABLES
    styled = set(re.findall(r"\.([a-z][\w-]*)", CSS))
    assert styled <= used, styled - used
    assert {"remote", "optional", "border", "outline", "shaft", "head", "pill", "disc"} <= styled


def test_every_kind_of_node_and_edge_is_drawn_with_a_shape_of_its_own():
    whole = dataflow.everything()
    root = drawings.read(superset())
    shapes: dict[str, set[str]] = {}
    for name, group in drawings.parts(root, "data-node").items():
        commands = re.sub(r"[^A-Za-z]+", "", group[0].attrib["d"])
        shapes.setdefault(whole.node(name).kind, set()).add(commands)
    assert all(len(found) == 1 for found in shapes.values())
    same = Counter(next(iter(found)) for found in shapes.values())
    # Some differ in how round they are, or in their text alone.
    assert len(same) >= len(shapes) - 4
    assert set(drawing.MARKS) < {edge.kind for edge in whole.edges}


def test_the_drawing_of_all_has_every_part_once():
    whole, root = dataflow.everything(), drawings.read(superset())
    assert set(drawings.parts(root, "data-node")) == {node.id for node in whole.nodes}
    assert set(drawings.parts(root, "data-edge")) == {edge.key for edge in whole.edges}
    lanes = drawings.parts(root, "data-lane")
    assert list(lanes) == [layer.value for layer in Layer]
    for lane in lanes.values():
        assert {text.attrib["data-for"] for text in lane if "data-for" in text.attrib} == set(Cloud)


def test_the_drawing_of_all_has_its_layers_in_order_and_apart():
    whole, root = dataflow.everything(), drawings.read(superset())
    lanes = {name: drawings.area(lane) for name, lane in drawings.parts(root, "data-lane").items()}
    nodes = {name: drawings.area(group) for name, group in drawings.parts(root, "data-node").items()}
    for one, other in itertools.combinations([*lanes.values()], 2):
        assert not one.meets(other)
    for one, other in itertools.combinations([*nodes.values()], 2):
        assert not one.meets(other)
    for node in whole.nodes:
        inside = [name for name, area in lanes.items() if area.holds(nodes[node.id])]
        assert inside == ([node.layer] if node.cloud else [])
    down = [lanes[layer].top for layer in (Layer.ACQUISITION, Layer.PROCESSING, Layer.HOT_STORAGE)]
    assert down == sorted(down)
    for later in (Layer.COLD_STORAGE, Layer.TWIN_MANAGEMENT, Layer.VISUALIZATION):
        assert lanes[later].top > lanes[Layer.HOT_STORAGE].bottom
    assert lanes[Layer.ARCHIVE_STORAGE].top > lanes[Layer.COLD_STORAGE].bottom


@pytest.mark.parametrize(
    "placement", [*twins.SINGLE.values(), *twins.SPREAD], ids=lambda p: "-".join(p.values())
)
def test_what_is_shown_of_all_lies_over_nothing_that_is_shown(placement: twins.Placement):
    graph, root = dataflow.graph(twins.topology(placement)), drawings.read(superset())
    nodes = {name: drawings.area(group) for name, group in drawings.parts(root, "data-node").items()}
    edges = drawings.parts(root, "data-edge")
    lanes = drawings.parts(root, "data-lane")
    titles = [text_area(text, True) for lane in lanes.values() for text in lane.iter(f"{SVG}text")]
    for edge in graph.edges:
        for piece in drawings.segments(edges[edge.key]):
            for node in graph.nodes:
                assert not drawings.crosses(piece, nodes[node.id]), (edge.key, node.id)
            assert not any(drawings.crosses(piece, title) for title in titles), edge.key


def test_a_drawing_is_the_same_each_time():
    some = slice(None, None, 7)
    assert tuple(svg.drawings(pictures(Cloud.AWS)[some])) == drawn(Cloud.AWS)[some]


def test_a_route_has_neither_steps_of_a_pixel_nor_needless_corners():
    route = [elk.Point(*corner) for corner in ((5, 0), (5, 9), (6, 20), (6, 30), (40, 31), (40, 60))]
    assert elk.straight(route) == ((5, 0), (5, 30), (40, 30), (40, 60))


def test_without_node_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(elk.LayoutError, match="install Node 20 or newer"):
        svg.drawings(pictures(Cloud.AWS)[:1])


def test_without_elkjs_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path):
    script = tmp_path / "elk.mjs"
    script.write_text(elk.SCRIPT.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(elk, "SCRIPT", script)
    with pytest.raises(elk.LayoutError, match="run `npm ci`"):
        svg.drawings(pictures(Cloud.AWS)[:1])


def test_a_text_that_cannot_be_measured_is_an_error():
    with pytest.raises(ValueError, match="has no width"):
        metrics.width("größer", 12)


def test_widths_are_those_of_the_font():
    """Two texts whose advances were added up by hand, in units of 1/2048 em."""
    assert metrics.width("AWS", 2048) == 1401 + 2025 + 1300
    assert metrics.width("L3", 2048, bold=True) == 1305 + 1425
    assert metrics.wrap("IoT Core, topic rule", 70, 12) == ("IoT Core,", "topic rule")
