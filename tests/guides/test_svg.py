"""What is in the diagrams, told also to those who do not see it; tests/browser/test_drawings.py has how they
look.
"""

import itertools
import re
from collections import Counter
from functools import cache

import pytest
from turbohtml import Element

from guides import dataflow, pages, twins
from guides.dataflow import flows
from guides.deployment import contents
from guides.drawings import elements, elk, metrics, svg
from support.html import Page
from twin_runtime.roles import Cloud, Layer

CSS = (twins.ROOT / "templates" / "guides" / "diagram.css").read_text(encoding="utf-8")
VARIABLES = {
    *("aws", "azure", "gcp", "ink", "paper", "edge", "raised", "outside", "optional"),
    *("aws-tint", "azure-tint", "gcp-tint", "cloud", "tint"),
}
"""Custom properties that pages define, and the two that the sheet itself does."""
CLOUDS = [
    Cloud.AWS,
    pytest.param(Cloud.AZURE, marks=pytest.mark.matrix),
    pytest.param(Cloud.GCP, marks=pytest.mark.matrix),
]
in_each_cloud = pytest.mark.parametrize("cloud", CLOUDS)


def pictures(cloud: Cloud) -> list[tuple[flows.Picture, Page]]:
    """What a cloud's guide shows, and how it is drawn."""
    return [(each, Page(each.id, pages.drawings()[each.id])) for each in contents.pictures(cloud)]


@cache
def superset() -> Page:
    return Page("twin", svg.superset())


def everything(cloud: Cloud) -> list[Page]:
    """Each drawing, and that of all."""
    return [*(page for _, page in pictures(cloud)), superset()]


def words(group: Element, kind: str = "") -> list[str]:
    return [text.text for text in group.select(f"text{kind}")]


def parts(page: Page, attribute: str) -> dict[str, Element]:
    """The groups that have a `data-` attribute, by its value."""
    found = page.select(f"g[{attribute}]")
    by_name = {group.attr(attribute) or "": group for group in found}
    assert len(by_name) == len(found)
    return by_name


@in_each_cloud
def test_a_drawing_says_what_it_shows(cloud: Cloud):
    seen: Counter[str] = Counter()
    for page in everything(cloud):
        (root,) = page.select("svg")
        title, description = page.select("title, desc")
        assert root.attr("role") == "img"
        assert root.attr("aria-labelledby") == f"{title.attr('id')} {description.attr('id')}"
        assert title.text
        assert description.text
        seen.update(re.findall(r' id="([^"]+)"', page.text))
    assert set(seen.values()) == {1}


@in_each_cloud
def test_numbers_edges_and_nodes_are_those_of_the_steps(cloud: Cloud):
    for picture, page in pictures(cloud):
        edges, nodes = parts(page, "data-edge"), parts(page, "data-node")
        assert list(edges) == [step.edge.key for step in picture.steps]
        for step in picture.steps:
            assert f"{step.number}. {step.sentence}" in page.select("desc")[0].text
            group = edges[step.edge.key]
            assert words(group, ".number") == [str(step.number)]
            assert (group.matches(".remote"), group.matches(".optional")) == (step.edge.remote, step.optional)
        assert set(nodes) == {node.id for node in picture.nodes}
        for node in picture.nodes:
            group = nodes[node.id]
            assert ("[Optional]" in words(group)) == node.optional == group.matches(".optional")
            assert group.attr("data-cloud") == node.cloud


def test_the_look_is_the_style_sheets_alone():
    used: set[str] = set()
    for text in (page.text for page in everything(Cloud.AWS)):
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
    shapes: dict[str, set[str]] = {}
    for name, group in parts(superset(), "data-node").items():
        (outline,) = group.select(".outline")
        shapes.setdefault(whole.node(name).kind, set()).add(
            re.sub(r"[^A-Za-z]+", "", outline.attr("d") or "")
        )
    assert all(len(found) == 1 for found in shapes.values())
    same = Counter(next(iter(found)) for found in shapes.values())
    # Some differ in how round they are, or in their text alone.
    assert len(same) >= len(shapes) - 4
    assert set(elements.MARKS) < {edge.kind for edge in whole.edges}


def test_the_drawing_of_all_has_every_part_once():
    whole = dataflow.everything()
    assert set(parts(superset(), "data-node")) == {node.id for node in whole.nodes}
    assert set(parts(superset(), "data-edge")) == {edge.key for edge in whole.edges}
    lanes = parts(superset(), "data-lane")
    assert list(lanes) == [layer.value for layer in Layer]
    for lane in lanes.values():
        assert {text.attr("data-for") for text in lane.select("[data-for]")} == set(Cloud)


def test_a_drawing_is_the_same_each_time():
    some = pictures(Cloud.AWS)[::7]
    assert svg.drawings([picture for picture, _ in some]) == [page.text for _, page in some]


def test_a_route_has_neither_steps_of_a_pixel_nor_needless_corners():
    route = [elk.Point(*corner) for corner in ((5, 0), (5, 9), (6, 20), (6, 30), (40, 31), (40, 60))]
    assert elk.straight(route) == ((5, 0), (5, 30), (40, 30), (40, 60))


def test_without_node_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(elk.LayoutError, match="install Node 20 or newer"):
        svg.drawings(contents.pictures(Cloud.AWS)[:1])


def test_without_elkjs_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path):
    script = tmp_path / "elk.mjs"
    script.write_text(elk.SCRIPT.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(elk, "SCRIPT", script)
    with pytest.raises(elk.LayoutError, match="run `npm ci`"):
        svg.drawings(contents.pictures(Cloud.AWS)[:1])


def test_a_text_that_cannot_be_measured_is_an_error():
    with pytest.raises(ValueError, match="has no width"):
        metrics.width("größer", 12)


def test_widths_are_those_of_the_font():
    """Two texts whose advances were added up by hand, in units of 1/2048 em."""
    assert metrics.width("AWS", 2048) == 1401 + 2025 + 1300
    assert metrics.width("L3", 2048, bold=True) == 1305 + 1425
    assert metrics.wrap("IoT Core, topic rule", 70, 12) == ("IoT Core,", "topic rule")
