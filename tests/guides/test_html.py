"""The pages of docs/, held to the standards of the web as far as text can be: HTML's syntax, names, headings,
tables, links, what would be loaded, contrast. Each check is proved on a sample that has the fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from support import contrast, html, offline, weblinks
from support.html import DOCS, PAGES, Page

HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="A sample.">
<title>Sample</title>
<style>
:root { --paper: #fff; --ink: #222; --link: #05a; }
@media (prefers-color-scheme: dark) { :root { --paper: #111; --ink: #eee; --link: #8cf; } }
@media print { :root { --ink: #000; } }
body { background: var(--paper); color: var(--ink); }
a { color: var(--link); }
a:hover { color: var(--ink); }
text { fill: var(--ink); }
.box { fill: var(--paper); }
/* more */
</style>
</head>
"""
BODY = """<body>
<main id="main">
<h1>Sample</h1>
<p>See <a href="#l1-broker">below</a>, <a href="other.html#there">there</a>, <a
href="../README.md#your-own-twin">the README</a> and <a href="https://example.com/">elsewhere</a>.</p>
<h2 id="l1-broker">Broker</h2>
<svg viewBox="0 0 9 9" role="img" aria-labelledby="drawing"><title id="drawing">A box.</title>
<g><rect width="9" height="9" class="box"></rect><text y="5">a &amp; b</text></g></svg>
<table><caption>Parts</caption>
<thead><tr><th scope="col">Part</th><th scope="col">Service</th></tr></thead>
<tbody><tr><th scope="row">Broker</th><td>IoT Core</td></tr></tbody></table>
<fieldset><legend>Cloud</legend><label><input type="radio" name="cloud"> AWS</label></fieldset>
<script>
"use strict"; // never a fetch("https://example.com")
document.querySelector("main").title = "import";
</script>
</main>
</body>
</html>
"""
SAMPLE = Page("sample.html", HEAD + BODY)
OTHER = Page("other.html", SAMPLE.text.replace("l1-broker", "there"))
SAMPLES = {page.name: page for page in (SAMPLE, OTHER)}


def _links(page: Page) -> Iterator[str]:
    return weblinks.broken(page, SAMPLES, DOCS)


FAULTS: dict[str, tuple[Callable[[Page], Iterator[str]], str, str, str]] = {
    # What is done to the sample, and a part of the sentence that the check says of it.
    "parse error": (html.syntax, "<p>See", '<p lang="en" lang="en">See', "duplicate-attribute"),
    "unknown entity": (html.syntax, "&amp;", "&amx;", "named-character-reference"),
    "not closed": (html.syntax, "</p>", "", "closes p"),
    "never closed": (html.syntax, "<h1>", "<p><h1>", "closes p"),
    "open at the end": (html.syntax, "<!doctype html>", "<!doctype html><b>", "never closed"),
    "block in a paragraph": (html.syntax, "<p>See", "<p><h2>x</h2>See", "may not stand here"),
    "cell out of its table": (html.syntax, "<table>", "<table><p>x</p>", "may not stand here"),
    "implied tbody": (html.syntax, "<tbody>", "", "closes"),
    "id twice": (html.syntax, "<h1>", '<h1 id="main">', "more than once"),
    "no such role": (html.syntax, "<h1>", '<h1 role="titel">', "role"),
    "obsolete": (html.syntax, "elsewhere", "<center>elsewhere</center>", "obsolete"),
    "no language": (html.head, ' lang="en"', "", "no lang"),
    "no title": (html.head, "<title>Sample</title>", "", "titles"),
    "no charset": (html.head, '<meta charset="utf-8">', "", "charset"),
    "no viewport": (html.head, "width=device-width", "width=980", "viewport"),
    "one colour scheme": (html.head, 'content="light dark"', 'content="light"', "color-scheme"),
    "no description": (html.head, "A sample.", "", "description"),
    "two mains": (html.head, "<h1>", "<main></main><h1>", "2 main"),
    "nameless landmarks": (html.head, "<h1>", "<nav></nav><nav></nav><h1>", "nav landmarks"),
    "id in capitals": (html.names, 'id="main"', 'id="Main"', "'Main'"),
    "label of nothing": (html.names, "<label>", '<label for="none">', "'none'"),
    "labelled by nothing": (html.names, 'labelledby="drawing"', 'labelledby="drawin"', "'drawin'"),
    "no h1": (html.headings, "h1>", "p>", "0 h1"),
    "two h1": (html.headings, "<h1>", "<h1>x</h1><h1>", "2 h1"),
    "skipped level": (html.headings, "h2", "h3", "h3 'Broker' follows h1"),
    "empty heading": (html.headings, ">Broker</h2>", "></h2>", "empty h2"),
    "heading twice": (html.headings, "<table>", "<h2>Broker</h2><table>", "second heading"),
    "svg without text": (
        html.alternatives,
        ' aria-labelledby="drawing"><title id="drawing">A box.</title>',
        ">",
        "svg",
    ),
    "svg without role": (html.alternatives, ' role="img"', "", "no role"),
    "img without text": (html.alternatives, "<h1>", '<img src="data:," alt=""><h1>', "img without"),
    "no caption": (html.tables, "<caption>Parts</caption>", "", "without a caption"),
    "empty caption": (html.tables, "Parts", " ", "without a caption"),
    "no scope": (html.tables, ' scope="row"', "", "'Broker' without a scope"),
    "no headers": (
        html.tables,
        "<thead>",
        "</table><table><caption>x</caption><thead><tr><td>x</td></tr>",
        "headers",
    ),
    "missing cell": (html.tables, "<td>IoT Core</td>", "", "rows of [1, 2] cells"),
    "no label": (html.controls, " AWS</label>", "</label>", "input without a label"),
    "no legend": (html.controls, "<legend>Cloud</legend>", "", "without a legend"),
    "silent button": (html.controls, "<h1>", "<button></button><h1>", "button without a label"),
    "silent link": (html.controls, ">below<", "><", "a without a label"),
    "no such anchor": (_links, "#l1-broker", "#l2-broker", "no element"),
    "no such anchor there": (_links, "#there", "#their", "no element"),
    "no such page": (_links, "other.html", "others.html", "no file"),
    "no such file": (_links, "README.md", "README.txt", "no file"),
    "outside the repository": (_links, "../README.md", "../../README.md", "no file"),
    "no such heading": (_links, "#your-own-twin", "#your-other-twin", "no heading"),
    "plain http": (_links, "https:", "http:", "neither https"),
    "empty link": (_links, '"#l1-broker"', '"#"', "names nothing"),
    "image": (offline.loads, "<h1>", '<img src="https://example.com/a.png" alt="a"><h1>', "img loads src"),
    "image beside the page": (offline.loads, "<h1>", '<img src="a.png" alt="a"><h1>', "img loads src"),
    "image set": (
        offline.loads,
        "<h1>",
        '<img srcset="//example.com/a.png 2x" alt="a"><h1>',
        "img loads srcset",
    ),
    "script": (offline.loads, "<script>", '<script src="https://example.com/a.js">', "script loads src"),
    "sheet": (
        offline.loads,
        "<style>",
        '<link rel="stylesheet" href="https://example.com/"><style>',
        "link loads",
    ),
    "base": (offline.loads, "<style>", '<base href="https://example.com/"><style>', "base loads"),
    "drawing": (offline.loads, "<g>", '<image href="https://example.com/a.png"/><g>', "image loads"),
    "form": (offline.loads, "<h1>", '<form action="https://example.com/"></form><h1>', "form loads"),
    "refresh": (
        offline.loads,
        "<style>",
        '<meta http-equiv="refresh" content="0;url=x"><style>',
        "leads away",
    ),
    "handler": (offline.loads, "<h1>", '<h1 onclick="x()">', "script in onclick"),
    "url()": (
        offline.loads,
        "/* more */",
        "p { background: url(https://example.com/a.png) }",
        "example.com/a.png",
    ),
    "url in quotes": (
        offline.loads,
        "/* more */",
        'p { background: url("//example.com/") }',
        "//example.com/",
    ),
    "url in @media": (offline.loads, "/* more */", "@media print { p { background: url(a.png) } }", "a.png"),
    "image-set": (offline.loads, "/* more */", 'p { background: image-set("a.png" 1x) }', "a.png"),
    "style attribute": (offline.loads, "<h1>", '<h1 style="background: url(a.png)">', "a.png"),
    "@import": (offline.loads, "<style>", '<style>@import "a.css";', "@import"),
    "font": (offline.loads, "/* more */", "@font-face { font-family: x; src: local(x) }", "@font-face"),
    "broken CSS": (offline.loads, "/* more */", "p { color red }", "CSS, line"),
    "fetch": (offline.loads, '"use strict"', 'fetch("data.json")', "calls fetch"),
    "request": (offline.loads, '"use strict"', "new XMLHttpRequest()", "calls XMLHttpRequest"),
    "socket": (offline.loads, '"use strict"', 'new WebSocket("wss://x")', "calls WebSocket"),
    "module": (offline.loads, '"use strict"', 'import x from "./x.js"', "calls import"),
    "text as code": (offline.loads, '"use strict"', 'eval("x")', "calls eval"),
    "light": (contrast.poor, "--ink: #222", "--ink: #888", "#888 on #fff is 3.54:1 (light)"),
    "dark": (contrast.poor, "--link: #8cf", "--link: #05a", "#05a on #111 is 2.59:1 (dark)"),
    "print": (contrast.poor, "--ink: #000", "--ink: #999", "(print)"),
    "hover": (contrast.poor, "a:hover { color: var(--ink)", "a:hover { color: #bbb", "a:hover"),
    "before": (contrast.poor, "/* more */", "h1::before { content: 'x'; color: #ccc }", "h1::before"),
    "ground": (contrast.poor, "/* more */", "p { background: #777 }", "on #777"),
    "specificity": (contrast.poor, "/* more */", "p a { color: #eee } a { color: #05a }", "#eee on #fff"),
    "text in a shape": (contrast.poor, ".box { fill: var(--paper)", ".box { fill: #333", "#222 on #333"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_check_finds_its_fault(fault: str) -> None:
    check, before, after, sentence = FAULTS[fault]
    assert before in SAMPLE.text
    found = list(check(Page("sample.html", SAMPLE.text.replace(before, after, 1 if before != "h1>" else -1))))
    assert any(sentence in each for each in found), found


def test_the_sample_has_no_fault() -> None:
    assert [*html.faults(SAMPLE), *_links(SAMPLE), *offline.loads(SAMPLE), *contrast.poor(SAMPLE)] == []


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("#000", "#fff", 21), ("#777", "#fff", 4.48), ("#767676", "#fff", 4.54), ("#0000ff", "#fff", 8.59)],
)
def test_ratios_are_those_of_wcag(one: str, other: str, expected: float) -> None:
    """As published with the guidelines' own examples."""
    assert contrast.ratio(contrast.rgb(one), contrast.rgb(other)) == pytest.approx(expected, abs=0.005)


@pytest.fixture(scope="module")
def pages() -> dict[str, Page]:
    return {path.name: Page(path.name, path.read_text(encoding="utf-8")) for path in DOCS.glob("*.html")}


def test_these_are_the_pages(pages: dict[str, Page]) -> None:
    assert sorted(pages) == sorted(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_well_made(pages: dict[str, Page], name: str) -> None:
    assert html.faults(pages[name]) == []


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(pages: dict[str, Page], name: str) -> None:
    assert list(weblinks.broken(pages[name], pages, DOCS)) == []


@pytest.mark.parametrize("name", PAGES)
def test_the_page_loads_nothing(pages: dict[str, Page], name: str) -> None:
    assert list(offline.loads(pages[name])) == []


@pytest.mark.parametrize("name", PAGES)
def test_text_is_easy_to_read(pages: dict[str, Page], name: str) -> None:
    """In both colour schemes and on paper."""
    assert list(contrast.poor(pages[name])) == []
