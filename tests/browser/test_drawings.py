"""The drawings of all guides and that of the picker, as they would be rendered now: nothing lies over
anything else, edges lead from node to node, every node is in its cloud or layer, every text in its outline.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from guides import dataflow, pages
from guides.deployment import contents
from guides.drawings import svg
from support.browser import PROBES, Tab, opened
from twin_runtime.roles import Cloud, Layer

pytestmark = pytest.mark.browser
STYLE = "".join(
    (pages.TEMPLATES / f"{name}.css").read_text(encoding="utf-8") for name in ("style", "diagram")
)
WIDEST = '"DejaVu Sans"'
"""Of the fonts that a browser may take; see `guides/drawings/metrics.py`."""


def _open(tab: Tab, drawings: str) -> None:
    tab.page.set_content(f"<!doctype html><title>Drawings</title><style>{STYLE}</style>{drawings}")
    tab.show(1440)
    tab.run(PROBES)


@pytest.fixture(scope="module")
def tab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    path = tmp_path_factory.mktemp("drawings") / "drawings.html"
    path.write_text("", encoding="utf-8")
    with opened(browser, path) as tab:
        yield tab


def _fonts(tab: Tab) -> Iterator[list[str]]:
    """What is wrong with the texts, in the page's own font and in the widest."""
    yield tab.run("() => probe.drawings()")
    tab.page.add_style_tag(content=f".diagram text {{ font-family: {WIDEST} !important }}")
    yield tab.run("() => probe.drawings()")


def test_the_flows_are_laid_out_well(tab: Tab) -> None:
    pictures = [picture for cloud in Cloud for picture in contents.pictures(cloud)]
    _open(tab, "".join(pages.drawings().values()))
    assert tab.run("() => probe.layout()") == {
        "found": [],
        "homes": {
            picture.id: {node.id: [node.cloud] if node.cloud else [] for node in picture.nodes}
            for picture in pictures
        },
    }
    assert list(_fonts(tab)) == [[], []]


def test_the_twin_is_laid_out_well(tab: Tab) -> None:
    """Every part that a twin can have: what is hidden of it leaves no less room."""
    _open(tab, svg.superset())
    nodes = dataflow.everything().nodes
    homes = {node.id: [node.layer] if node.cloud else [] for node in nodes}
    assert tab.run("() => probe.layout()") == {"found": [], "homes": {"twin": homes}}
    for cloud in Cloud:
        tab.run(
            "cloud => { for (const each of document.querySelectorAll('[data-lane], [data-node]'))"
            " each.dataset.cloud = cloud; }",
            cloud,
        )
        assert list(_fonts(tab)) == [[], []]
    tops = tab.run(
        "() => [...document.querySelectorAll('.group')].map(each => [each.dataset.lane, each.getBBox().y])"
    )
    down = sorted(map(str, Layer), key=dict(tops).__getitem__)
    assert down[:3] == [Layer.ACQUISITION, Layer.PROCESSING, Layer.HOT_STORAGE]
    assert down.index(Layer.ARCHIVE_STORAGE) > down.index(Layer.COLD_STORAGE)
