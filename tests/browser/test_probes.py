"""What the browser is asked of a page finds each fault: proved on a sample in which it is put."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser

from support.browser import PROBES, Tab, opened

pytestmark = pytest.mark.browser
CSS, BODY, DRAWN = "/* css */", "<!-- body -->", "<!-- drawn -->"
SAMPLE = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sample</title><style>
body {{ margin: 0; background: #fff; color: #222 }} .wide {{ width: 600px }} .scroll {{ overflow-x: auto }}
tr, svg, figure {{ break-inside: avoid }} h2 {{ break-after: avoid }} .toc a {{ display: block }}
{CSS}</style></head><body><nav class="toc"><a href="#one">One</a></nav><main>
<h1>Sample</h1><h2 id="one">One</h2>{BODY}
<div class="scroll" role="region" aria-label="Wide" tabindex="0"><div class="wide">wide</div></div>
<table><tbody><tr><td>cell</td></tr></tbody></table>
<svg viewBox="0 0 100 50" width="100" height="50"><g><rect fill="#fff" width="100" height="20"></rect>
<text x="5" y="14" font-size="10" fill="#000">short</text></g>{DRAWN}</svg>
<svg class="diagram" viewBox="0 0 100 110" width="100" height="110" font-size="9">
<title id="d-title">d</title>
<g class="group" data-cloud="aws"><rect class="border" width="90" height="100" fill="#fff"></rect>
<text x="2" y="12">AWS</text></g>
<g data-edge="a:b:queue"><path class="shaft" d="M60 30L60 52" fill="none"></path>
<path class="head" d="M60 60L56 52L64 52z"></path>
<rect class="pill" x="50" y="36" width="20" height="9"></rect></g>
<g data-node="a"><path class="outline" d="M40 10h40v20h-40z" fill="#fff"></path></g>
<g data-node="b"><path class="outline" d="M40 60h40v20h-40z" fill="#fff"></path></g></svg>
</main></body></html>"""


class Fault(NamedTuple):
    """What is put in place of a part of the sample, and a part of what the probe says of it."""

    probe: str
    before: str
    after: str
    said: str
    scheme: str = "light"
    media: str = "screen"


FAULTS = {
    "wide page": Fault("sideways", BODY, '<p class="wide">x</p>', "the page is 600 wide"),
    "sticks out": Fault(
        "sideways",
        BODY,
        '<style>html { overflow-x: clip }</style><p class="wide">x</p>',
        '"x" reaches from 0 to 600',
    ),
    "sticks out left": Fault("sideways", BODY, '<p style="margin-left: -9px">x</p>', "reaches from -9"),
    "nameless region": Fault("sideways", ' aria-label="Wide"', "", "no region"),
    "mouse only": Fault("sideways", ' tabindex="0"', "", "no region"),
    "cut line": Fault(
        "clipped", BODY, '<p style="width: 9px; overflow: hidden; white-space: nowrap">long line</p>', "cuts"
    ),
    "cut lines": Fault("clipped", BODY, '<p style="height: 20px; overflow: hidden">a<br>b<br>c</p>', "cuts"),
    "out of the drawing": Fault("drawings", DRAWN, '<text x="90" y="40">word</text>', "leaves its drawing"),
    "out of the box": Fault(
        "drawings", 'width="100" height="20"', 'width="20" height="20"', "leaves its box"
    ),
    "text on text": Fault("drawings", DRAWN, '<text x="9" y="15">word</text>', '"short" lies on'),
    "node on node": Fault("layout", "M40 60h40", "M40 25h40", "d: a lies on b"),
    "number on node": Fault("layout", 'y="36"', 'y="28"', "a lies on a:b:queue"),
    "title on node": Fault("layout", 'x="2"', 'x="30"', "d: AWS lies on a"),
    "node outside": Fault("layout", "M40 60h40", "M65 60h40", "d: b leaves the drawing"),
    "number beside its edge": Fault("layout", 'x="50"', 'x="65"', "the label of a:b:queue is beside it"),
    "askew": Fault("layout", "L60 52", "L61 52", "a:b:queue is not straight"),
    "through a title": Fault("layout", "M60 30", "M60 30L8 30L8 5L60 5L60 30", "goes through AWS"),
    "through a node": Fault("layout", "M60 30", "M60 20L60 30", "goes through a"),
    "from nowhere": Fault("layout", "M60 30", "M60 35", "misses its source"),
    "to nowhere": Fault("layout", "M60 60L", "M60 55L", "misses its target"),
    "pale text": Fault("contrast", 'fill="#000"', 'fill="#aaa"', "is 2.32:1"),
    "text on dark": Fault("contrast", '<rect fill="#fff"', '<rect fill="#333"', "on rgb(51, 51, 51)"),
    "pale line": Fault("contrast", BODY, '<p style="color: #888">x</p>', 'p. "x": rgb(136, 136, 136)'),
    "dark ground": Fault("contrast", CSS, "main { background: #777 }", "on rgb(119, 119, 119) is"),
    "pale in the dark": Fault(
        "contrast", CSS, "@media (prefers-color-scheme: dark) { h1 { color: #bbb } }", "is 1.92:1", "dark"
    ),
    "pale on paper": Fault(
        "contrast", CSS, "@media print { h1 { color: #999 } }", "is 2.85:1", media="print"
    ),
    "ground that no printer prints": Fault(
        "contrast", CSS, "h1 { background: #000; color: #fff }", "h1", media="print"
    ),
    "pale under the pointer": Fault(
        "contrast", CSS, "a:hover { color: #bbb } .toc a:target-current { color: #000 }", '"One":hover'
    ),
    "pale with the keyboard": Fault(
        "contrast", CSS, "@media screen { a:focus-visible { background-color: #333 } }", '"One":focus-visible'
    ),
    "pale before": Fault("contrast", CSS, "h1::before { content: 'x'; color: #ccc }", '"Sample"::before'),
    "anchor of nothing seen": Fault("contents", CSS, "#one { display: none }", "#one is at"),
    "covered by what is fixed": Fault(
        "contents", CSS, "#one { scroll-margin-top: -50px } body { height: 5000px }", "#one"
    ),
    "no contents": Fault("contents", CSS, ".toc { display: none }", "no table of contents"),
    "wide on paper": Fault("paper", CSS, "", "is wider than the paper"),
    "cut row": Fault("paper", CSS, "tr { break-inside: auto }", "may be cut"),
    "cut figure": Fault(
        "paper", BODY, '<figure style="break-inside: auto">x</figure>', 'figure. "x" may be cut'
    ),
    "tall figure": Fault("paper", BODY, '<figure style="height: 2000px">x</figure>', "taller than a page"),
    "heading at the foot": Fault("paper", CSS, "h2 { break-after: auto }", "may end a page"),
}


@pytest.fixture(scope="module")
def tab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    path = tmp_path_factory.mktemp("sample") / "sample.html"
    path.write_text("", encoding="utf-8")
    with opened(browser, path) as tab:
        yield tab


def _shown(tab: Tab, before: str, after: str, scheme: str = "light", media: str = "screen") -> None:
    assert before in SAMPLE
    tab.show(390, scheme, media)
    tab.page.set_content(SAMPLE.replace(before, after, 1))
    tab.run(PROBES)


def _found(tab: Tab, probe: str) -> list[str]:
    found = tab.run("probe => window.probe[probe](1046)", probe)
    return found["found"] if probe == "layout" else found


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_each_probe_finds_its_fault(tab: Tab, fault: Fault) -> None:
    _shown(tab, fault.before, fault.after, fault.scheme, fault.media)
    found = _found(tab, fault.probe)
    assert any(fault.said in each for each in found), found


@pytest.mark.parametrize("probe", ["sideways", "clipped", "drawings", "layout", "contrast", "contents"])
def test_the_sample_has_no_fault(tab: Tab, probe: str) -> None:
    _shown(tab, CSS, "")
    assert _found(tab, probe) == []


def test_on_paper_only_what_scrolls_is_lost(tab: Tab) -> None:
    _shown(tab, CSS, ".scroll { overflow-x: visible }")
    assert _found(tab, "paper") == []


def test_nodes_are_found_in_their_groups(tab: Tab) -> None:
    _shown(tab, 'width="90" height="100"', 'width="90" height="70"')
    assert tab.run("() => probe.layout()")["homes"] == {"d": {"a": ["aws"], "b": []}}


def test_the_smallest_text(tab: Tab) -> None:
    _shown(tab, CSS, "svg { width: 50px; height: 25px }")
    assert tab.run("() => probe.smallest()") < 5.01


def test_axe_finds_its_faults(tab: Tab) -> None:
    _shown(tab, BODY, '<p style="color: #bbb">pale</p><input><img src="data:,"><h5>5</h5>')
    found = {each.split(":")[0] for each in tab.violations()}
    assert found >= {"color-contrast", "label", "image-alt", "heading-order"}


def test_what_a_page_says_and_asks_is_kept(tab: Tab) -> None:
    tab.said.clear()
    tab.asked.clear()
    tab.run("() => console.warn('careful')")
    tab.page.set_content("<script>nothing.at.all</script><img src='missing.png' alt=''>", wait_until="load")
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    tab.page.set_content(
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        "<style>p { background: url(forbidden.png) }</style><p>x</p>",
        wait_until="load",
    )
    for said in ("careful", "nothing is not defined", "violates the following Content Security Policy"):
        assert any(said in each for each in tab.said), (said, tab.said)
    assert any("missing.png" in each for each in tab.asked)
