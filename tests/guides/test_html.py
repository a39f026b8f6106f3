"""The pages of docs/, held to the standards of the web as far as text can be: HTML's syntax, head, headings,
tables, links. Each check is proved on a sample that has the fault. tests/browser has the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from support import html, weblinks
from support.html import DOCS, PAGES, Page

HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="A sample.">
<title>Sample</title>
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
    "no charset": (html.head, '<meta charset="utf-8">', "", "charset"),
    "no viewport": (html.head, "width=device-width", "width=980", "viewport"),
    "one colour scheme": (html.head, 'content="light dark"', 'content="light"', "color-scheme"),
    "no description": (html.head, "A sample.", "", "description"),
    "two h1": (html.headings, "<h1>", "<h1>x</h1><h1>", "2 h1"),
    "heading twice": (html.headings, "<table>", "<h2>Broker</h2><table>", "second heading"),
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
    "no such anchor": (_links, "#l1-broker", "#l2-broker", "no element"),
    "no such anchor there": (_links, "#there", "#their", "no element"),
    "no such page": (_links, "other.html", "others.html", "no file"),
    "no such file": (_links, "README.md", "README.txt", "no file"),
    "outside the repository": (_links, "../README.md", "../../README.md", "no file"),
    "no such heading": (_links, "#your-own-twin", "#your-other-twin", "no heading"),
    "plain http": (_links, "https:", "http:", "neither https"),
    "empty link": (_links, '"#l1-broker"', '"#"', "names nothing"),
    "id in capitals": (html.headings, 'id="main"', 'id="Main"', "'Main'"),
    "may load": (html.head, "'none'; style", "https:; style", "Content-Security-Policy"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_check_finds_its_fault(fault: str) -> None:
    check, before, after, sentence = FAULTS[fault]
    assert before in SAMPLE.text
    found = list(check(Page("sample.html", SAMPLE.text.replace(before, after))))
    assert any(sentence in each for each in found), found


def test_the_sample_has_no_fault() -> None:
    assert [*html.faults(SAMPLE), *_links(SAMPLE)] == []


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
