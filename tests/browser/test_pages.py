"""The pages of docs/ in a browser: quiet, of one file, whole at every width in both schemes, and on paper."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from contextlib import closing

import pytest
from pypdfium2 import PdfDocument

from support.browser import PROBES, SCHEMES, WIDTHS, Tab
from support.html import PAGES

pytestmark = pytest.mark.browser
PAPER = (680, 994)
"""A sheet of A4 between the margins that style.css gives it, in CSS pixels."""
CONTENTS = tuple(name for name in PAGES if name != "index.html")
"""The pages with a table of contents; the picker's address says what is chosen."""
SMALLEST = 8
"""Pixels of the screen that a drawing's texts have at least, on a phone too."""


@pytest.fixture(autouse=True)
def probes(tab: Tab) -> None:
    if not tab.run("() => 'probe' in window"):
        tab.run(PROBES)


@pytest.mark.parametrize("width", WIDTHS)
def test_all_is_seen_at_every_width(tab: Tab, width: int) -> None:
    tab.show(width)
    assert tab.run("() => [...probe.sideways(), ...probe.clipped(), ...probe.drawings()]") == []
    assert tab.run("() => probe.smallest()") >= SMALLEST


@pytest.mark.parametrize(
    ("width", "scheme", "media"),
    [
        *((WIDTHS[0], scheme, "screen") for scheme in SCHEMES),
        (WIDTHS[-1], "dark", "screen"),
        (PAPER[0], "dark", "print"),
    ],
)
def test_text_is_easy_to_read(tab: Tab, width: int, scheme: str, media: str) -> None:
    """axe-core leaves out the texts of drawings, paper, and what changes under the pointer."""
    tab.show(width, scheme, media)
    assert tab.run("() => probe.contrast()") == []


@pytest.mark.parametrize("tab", CONTENTS, indirect=True)
@pytest.mark.parametrize("width", [WIDTHS[0], WIDTHS[-1]])
def test_the_table_of_contents_leads_everywhere(tab: Tab, width: int) -> None:
    tab.show(width)
    tab.run("() => document.querySelectorAll('details.toc').forEach(each => { each.open = true; })")
    try:
        assert tab.run("() => probe.contents()") == []
    finally:
        tab.run("() => document.querySelectorAll('details.toc').forEach(each => { each.open = false; })")


def test_the_page_prints(tab: Tab) -> None:
    """No row is cut: the text of each, cell after cell, stands on one page of the PDF. Of drawings, which
    leave no such trace, the style sheet's word is taken, and that they are shorter than a page.
    """
    width, height = PAPER
    tab.show(width, media="print")
    assert tab.run("tall => probe.paper(tall)", height) == []
    rows, headings = tab.run("() => probe.rows()"), tab.run("() => probe.headings()")
    pdf = tab.page.pdf(format="A4")
    tab.show(width)
    with closing(PdfDocument(pdf)) as document:
        sheets = [_letters(sheet.get_textpage().get_text_bounded()) for sheet in document]
    cut = [row for row in rows if not any(_letters(row) in sheet for sheet in sheets)]
    lost = [heading for heading in headings if not any(_letters(heading) in sheet for sheet in sheets)]
    assert (cut, lost) == ([], [])


def _letters(text: str) -> str:
    """A text without what setting it adds: spaces, hyphens, ligatures, and the addresses of links."""
    letters = re.sub(r"[\s\-\u00ad\u2010\u200b\ufffe\x02]+", "", unicodedata.normalize("NFKC", text))
    return re.sub(r"\(https?:[^()]*\)", "", letters)


def test_the_page_says_and_asks_nothing(tab: Tab) -> None:
    """Last: of all that was done to it."""
    assert tab.said == []
    assert tab.asked == [tab.page.url.partition("#")[0]]


def test_how_long_it_takes(tab: Tab, record_property: Callable[[str, object], None]) -> None:
    """For the record alone: seconds belong to the machine."""
    found = tab.run(
        "() => { const [{ duration }] = performance.getEntriesByType('navigation');"
        " const kB = Math.round(document.documentElement.outerHTML.length / 1000);"
        " return { load_ms: Math.round(duration), kB }; }"
    )
    for name, value in found.items():
        record_property(name, value)
    print(f"{tab.page.url.rpartition('/')[2]}: {found}")
