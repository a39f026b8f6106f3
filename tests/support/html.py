"""An HTML page as a test reads it, and what the standard finds wrong with it: syntax, names, headings,
tables, alternative texts, labels. Every check yields sentences; none, where the page is right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import turbohtml
from turbohtml import Document, Element, TokenType, conformance

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = (
    "docs-aws-deployment.html",
    "docs-azure-deployment.html",
    "docs-gcp-deployment.html",
    "index.html",
    "parity.html",
)
"""The files of docs/ that a browser opens."""
VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)
HEADINGS = "h1, h2, h3, h4, h5, h6"
REFERENCES = (
    "for",
    "headers",
    "aria-labelledby",
    "aria-describedby",
    "aria-controls",
    "aria-owns",
    "aria-details",
)
"""Attributes that name other elements of the page."""
META = {"viewport": r"width=device-width", "description": r"\S", "color-scheme": r"light dark"}
_ID = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")


@dataclass(frozen=True)
class Page:
    """`name` is the file's name, which links of other pages say."""

    name: str
    text: str

    @cached_property
    def document(self) -> Document:
        return turbohtml.parse(self.text)

    @cached_property
    def ids(self) -> Mapping[str, Element]:
        return {element.attr("id") or "": element for element in self.select("[id]")}

    def select(self, selector: str) -> list[Element]:
        return self.document.select(selector)

    def words(self, ids: str) -> str:
        """The text of the elements that an attribute such as aria-labelledby names."""
        return " ".join(self.ids[each].text for each in ids.split() if each in self.ids).strip()


def faults(page: Page) -> list[str]:
    """Everything that is wrong with the page, line by line."""
    return [sentence for check in CHECKS for sentence in check(page)]


def syntax(page: Page) -> Iterator[str]:
    """What a parser has to guess at, and what the standard forbids authors: WHATWG's parse errors, elements
    that are not closed where they were opened, obsolete markup, ids used twice, roles that do not exist.
    """
    for error in page.document.errors:
        yield f"line {error.line}: {error.code}"
    yield from _nesting(page)
    for message in conformance.check(page.document).messages:
        if message.severity != "info":
            yield f"line {message.line}: {message.message}"


def _nesting(page: Page) -> Iterator[str]:
    """The tree that the parser makes is the one that the tags write: nothing implied or moved."""
    stack: list[str] = []
    written: list[tuple[int, str, int]] = []
    for token in turbohtml.tokenize(page.text):
        if token.type is TokenType.START_TAG:
            written.append((len(stack), token.tag or "", token.line))
            if token.tag not in VOID and not token.self_closing:
                stack.append(token.tag or "")
        elif token.type is TokenType.END_TAG:
            opened = stack.pop() if stack else "nothing"
            if opened != token.tag:
                yield f"line {token.line}: </{token.tag}> closes {opened}"
                return
    if stack:
        yield f"<{stack[-1]}> is never closed"
        return
    # The tokenizer takes noscript's content for text, as a browser with scripts does.
    made = turbohtml.parse(page.text, scripting=True)
    for (depth, tag, line), found in zip(written, _walk(made), strict=False):
        if (depth, tag) != found:
            yield f"line {line}: <{tag}> may not stand here; the parser moves it"
            return


def _walk(node: turbohtml.Node, depth: int = 0) -> Iterator[tuple[int, str]]:
    for child in node.children:
        if isinstance(child, Element):
            yield depth, child.tag.lower()
            yield from _walk(child, depth + 1)


def head(page: Page) -> Iterator[str]:
    """Language, title, what a phone and both colour schemes need, one main landmark."""
    (root,) = page.select("html")
    if not root.attr("lang"):
        yield "html has no lang"
    titles = [title.text.strip() for title in page.select("head > title")]
    if len(titles) != 1 or not titles[0]:
        yield f"head has titles {titles}"
    if not page.select("meta[charset=utf-8]"):
        yield "no meta charset utf-8"
    for name, pattern in META.items():
        contents = [meta.attr("content") or "" for meta in page.select(f"meta[name={name}]")]
        if len(contents) != 1 or not re.search(pattern, contents[0]):
            yield f"meta {name} is {contents}"
    if len(page.select("main")) != 1:
        yield f"{len(page.select('main'))} main elements"
    for tag in ("nav", "aside"):
        names = [_label(page, each) for each in page.select(tag)]
        if len(names) > 1 and (not all(names) or len(set(names)) < len(names)):
            yield f"{tag} landmarks are called {names}"


def names(page: Page) -> Iterator[str]:
    """Ids are lower-case words; what names another element names one that exists."""
    for name in page.ids:
        if not _ID.fullmatch(name):
            yield f"id {name!r} is not lower-case words"
    for attribute in REFERENCES:
        for element in page.select(f"[{attribute}]"):
            for name in (element.attr(attribute) or "").split():
                if name not in page.ids:
                    yield f"line {element.source_line}: {attribute} names {name!r}, which does not exist"


def headings(page: Page) -> Iterator[str]:
    """One h1, no level left out, none empty, none twice under the same parent."""
    level, path = 0, list[str]()
    seen: set[tuple[str, ...]] = set()
    if len(page.select("h1")) != 1:
        yield f"{len(page.select('h1'))} h1"
    for heading in page.select(HEADINGS):
        now, text = int(heading.tag[1]), " ".join(heading.text.split())
        if not text:
            yield f"line {heading.source_line}: empty {heading.tag}"
        if now > level + 1:
            yield f"line {heading.source_line}: {heading.tag} {text!r} follows h{level}"
        level, path = now, [*path[: now - 1], text]
        if tuple(path) in seen:
            yield f"line {heading.source_line}: a second heading {' / '.join(path)!r}"
        seen.add(tuple(path))


def alternatives(page: Page) -> Iterator[str]:
    """Each image says in words what it shows, or is hidden from those who listen."""
    for image in page.select("img, svg, [role=img]"):
        if image.closest("[aria-hidden=true]") or image.closest("svg") not in (image, None):
            continue
        title = next(
            (child for child in image.children if isinstance(child, Element) and child.tag == "title"), None
        )
        named = _label(page, image) or image.attr("alt") or (title.text.strip() if title else "")
        if not named:
            yield f"line {image.source_line}: {image.tag} without an alternative text"
        if image.tag == "svg" and not image.attr("role"):
            yield f"line {image.source_line}: svg has a text and no role"


def tables(page: Page) -> Iterator[str]:
    """A caption, headers that say what they head, rows of one width."""
    for table in page.select("table"):
        where = f"line {table.source_line}: table"
        if not any(caption.text.strip() for caption in table.select("caption")):
            yield f"{where} without a caption"
        if not table.select("th"):
            yield f"{where} without headers"
        for header in table.select("th"):
            if header.attr("scope") not in ("row", "col", "rowgroup", "colgroup"):
                yield f"line {header.source_line}: th {header.text.strip()!r} without a scope"
        widths = {_width(row) for row in table.select("tr")} if not table.select("[rowspan]") else {0}
        if len(widths) > 1:
            yield f"{where} has rows of {sorted(widths)} cells"


def _width(row: Element) -> int:
    cells = [cell for cell in row.children if isinstance(cell, Element)]
    return sum(int(cell.attr("colspan") or 1) for cell in cells)


def controls(page: Page) -> Iterator[str]:
    """Whatever can be operated has a name, and a group of choices a legend."""
    for control in page.select(
        "input:not([type=hidden]), select, textarea, button, summary, a[href], output"
    ):
        around = control.closest("label")
        name = _label(page, control) or (around.text.strip() if around else "")
        if control.tag in ("button", "summary", "a"):
            name = name or control.text.strip()
        elif not name and control.attr("id"):
            name = "".join(
                label.text for label in page.select("label") if label.attr("for") == control.attr("id")
            )
        if not name.strip():
            yield f"line {control.source_line}: {control.tag} without a label"
    for group in page.select("fieldset"):
        if not any(legend.text.strip() for legend in group.select("legend")):
            yield f"line {group.source_line}: fieldset without a legend"


def _label(page: Page, element: Element) -> str:
    return page.words(element.attr("aria-labelledby") or "") or (element.attr("aria-label") or "").strip()


CHECKS: tuple[Callable[[Page], Iterator[str]], ...] = (
    syntax,
    head,
    names,
    headings,
    alternatives,
    tables,
    controls,
)
