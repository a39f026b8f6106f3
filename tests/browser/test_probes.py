"""What the browser is asked of a page finds each fault: proved on samples that have it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from support.browser import Tab, opened

pytestmark = pytest.mark.browser
PROBES = (Path(__file__).parent / "probes.js").read_text(encoding="utf-8")
SAMPLE = """<!doctype html><html lang="en"><head><title>Sample</title><style>
body {{ margin: 0 }} .wide {{ width: 600px }} .scroll {{ overflow-x: auto }}
tr, svg, figure {{ break-inside: avoid }} h2 {{ break-after: avoid }} .toc a {{ display: block }}
{css}</style></head><body><nav class="toc"><a href="#one">One</a></nav><main>
<h1>Sample</h1><h2 id="one">One</h2>{body}
<div class="scroll" role="region" aria-label="Wide" tabindex="0"><div class="wide">wide</div></div>
<table><tbody><tr><td>cell</td></tr></tbody></table>
<svg viewBox="0 0 100 50" width="100" height="50"><g><rect fill="#fff" width="100" height="20"></rect>
<text x="5" y="14" font-size="10" fill="#000">short</text></g>{drawn}</svg>
</main></body></html>"""
FAULTS = {
    # probe, style sheet, body, drawing, and a part of what the probe says of it
    "wide page": ("sideways", "", '<p class="wide">x</p>', "", "the page is 600 wide"),
    "sticks out": (
        "sideways",
        "html { overflow-x: clip }",
        '<p class="wide">x</p>',
        "",
        '"x" reaches from 0 to 600',
    ),
    "sticks out left": ("sideways", "p { margin-left: -9px }", "<p>x</p>", "", "reaches from -9"),
    "nameless region": (
        "sideways",
        "",
        '<div class="scroll" tabindex="0"><p class="wide">x</p></div>',
        "",
        "no region",
    ),
    "mouse only": (
        "sideways",
        "",
        '<div class="scroll" role="region" aria-label="a"><p class="wide">x</p></div>',
        "",
        "no region",
    ),
    "cut line": (
        "clipped",
        "p { width: 20px; overflow: hidden; white-space: nowrap }",
        "<p>a long line</p>",
        "",
        "cuts",
    ),
    "cut lines": (
        "clipped",
        "p { height: 20px; overflow: hidden }",
        "<p>a<br>b<br>c</p>",
        "",
        "cuts its text off",
    ),
    "out of the drawing": (
        "drawings",
        "",
        "",
        '<text x="90" y="40" font-size="10">word</text>',
        "leaves its drawing",
    ),
    "out of the box": (
        "drawings",
        "",
        "",
        '<g><rect y="25" width="15" height="9"></rect><text y="34" font-size="9">word</text></g>',
        "leaves its box",
    ),
    "text on text": ("drawings", "", "", '<text x="9" y="15" font-size="10">word</text>', '"short" lies on'),
    "pale text": (
        "contrast",
        "",
        "",
        '<text x="5" y="40" font-size="10" fill="#aaa">pale</text>',
        "is 2.32:1",
    ),
    "text on dark": ("contrast", "g rect { fill: #333 }", "", "", "on rgb(51, 51, 51)"),
    "anchor of nothing seen": ("contents", "#one { display: none }", "", "", "#one is at"),
    "covered by what is fixed": (
        "contents",
        "#one { scroll-margin-top: -50px } body { height: 5000px }",
        "",
        "",
        "#one",
    ),
    "no contents": ("contents", ".toc { display: none }", "", "", "no table of contents"),
    "wide on paper": ("paper", "", "", "", "is wider than the paper"),
    "cut row": ("paper", ".scroll { overflow: visible } tr { break-inside: auto }", "", "", "may be cut"),
    "cut figure": (
        "paper",
        "figure { break-inside: auto }",
        "<figure>x</figure>",
        "",
        'figure. "x" may be cut',
    ),
    "tall figure": ("paper", "figure { height: 2000px }", "<figure>x</figure>", "", "taller than a page"),
    "heading at the foot": ("paper", "h2 { break-after: auto }", "", "", "may end a page"),
}


@pytest.fixture(scope="module")
def tab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    path = tmp_path_factory.mktemp("sample") / "sample.html"
    path.write_text("", encoding="utf-8")
    with opened(browser, path) as tab:
        yield tab


def _found(tab: Tab, probe: str, css: str = "", body: str = "", drawn: str = "") -> list[str]:
    tab.show(390)
    tab.page.set_content(SAMPLE.format(css=css, body=body, drawn=drawn))
    tab.run(PROBES)
    return tab.run("probe => window.probe[probe](1046)", probe)


@pytest.mark.parametrize("fault", FAULTS)
def test_each_probe_finds_its_fault(tab: Tab, fault: str) -> None:
    probe, css, body, drawn, sentence = FAULTS[fault]
    found = _found(tab, probe, css, body, drawn)
    assert any(sentence in each for each in found), found


@pytest.mark.parametrize("probe", ["sideways", "clipped", "drawings", "contrast", "contents"])
def test_the_sample_has_no_fault(tab: Tab, probe: str) -> None:
    assert _found(tab, probe) == []


def test_on_paper_only_what_scrolls_is_lost(tab: Tab) -> None:
    assert _found(tab, "paper", ".scroll { overflow-x: visible }") == []


def test_the_smallest_text(tab: Tab) -> None:
    _found(tab, "drawings", "svg { width: 50px; height: 25px }")
    assert tab.run("() => probe.smallest()") == 5


def test_axe_finds_its_faults(tab: Tab) -> None:
    _found(tab, "drawings", "p { color: #bbb }", "<p>pale</p><input><img src='data:,'>")
    found = {each.split(":")[0] for each in tab.violations()}
    assert found >= {"color-contrast", "label", "image-alt"}


def test_what_a_page_says_and_asks_is_kept(tab: Tab) -> None:
    tab.said.clear()
    tab.asked.clear()
    tab.run("() => console.warn('careful')")
    tab.page.set_content("<script>nothing.at.all</script><img src='missing.png' alt=''>", wait_until="load")
    assert any("careful" in each for each in tab.said)
    assert any("nothing is not defined" in each for each in tab.said)
    assert any("missing.png" in each for each in tab.asked)
