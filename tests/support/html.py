"""An HTML page as a test reads it, and what is wrong with its text: syntax, head, headings, tables. Every
check yields sentences; none, where the page is right. tests/browser asks what a browser makes of a page.
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
META = {
    "name=viewport": r"width=device-width",
    "name=description": r"\S",
    "name=color-scheme": r"light dark",
    "http-equiv=Content-Security-Policy": r"^default-src 'none'; (?!.*(http|\*|'self'))",
}
"""Each is there once, and says this."""
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
    """What a phone, a search engine and both colour schemes need; nothing may be loaded."""
    if not page.select("meta[charset=utf-8]"):
        yield "no meta charset utf-8"
    for name, pattern in META.items():
        contents = [meta.attr("content") or "" for meta in page.select(f"meta[{name}]")]
        if len(contents) != 1 or not re.search(pattern, contents[0]):
            yield f"meta {name} is {contents}"


def headings(page: Page) -> Iterator[str]:
    """One h1, none twice under the same parent. Ids, which links may name, are lower-case words."""
    path = list[str]()
    seen: set[tuple[str, ...]] = set()
    if len(page.select("h1")) != 1:
        yield f"{len(page.select('h1'))} h1"
    for heading in page.select(HEADINGS):
        path = [*path[: int(heading.tag[1]) - 1], " ".join(heading.text.split())]
        if tuple(path) in seen:
            yield f"line {heading.source_line}: a second heading {' / '.join(path)!r}"
        seen.add(tuple(path))
    for name in page.ids:
        if not _ID.fullmatch(name):
            yield f"id {name!r} is not lower-case words"


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


CHECKS: tuple[Callable[[Page], Iterator[str]], ...] = (syntax, head, headings, tables)
