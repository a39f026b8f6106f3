"""Parts of the README and of the documents, as HTML: what they say is not written a second time."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from guides.twins import ROOT

_MARKDOWN = MarkdownIt("commonmark").enable("table")


class MissingError(LookupError):
    """A document no longer has what a guide takes from it; the text names both."""


def prose(path: str, heading: str) -> Markup:
    """What stands below a heading, up to the next one of its rank or above, but for its tables. `path` is
    relative to the project.
    """
    return _html([token for token, in_table in _with_tables(_below(path, heading)) if not in_table])


def paragraph(path: str, heading: str, start: str) -> Markup:
    """The paragraph or item of a section that begins with these words."""
    tokens = _below(path, heading)
    for number, token in enumerate(tokens):
        if token.type == "inline" and token.content.startswith(start):
            return _inline(tokens[number])
    raise MissingError(f"{path}, section {heading!r}, has nothing that begins with {start!r}")


def items(path: str, heading: str) -> tuple[Markup, ...]:
    """The items of a section's lists."""
    found = [
        _inline(tokens[number + 2])
        for tokens in [_below(path, heading)]
        for number, token in enumerate(tokens)
        if token.type == "list_item_open"
    ]
    if not found:
        raise MissingError(f"{path}, section {heading!r}, has no list")
    return tuple(found)


def table(path: str, heading: str) -> tuple[tuple[Markup, ...], ...]:
    """The rows of a section's first table, its header first."""
    rows: list[list[Markup]] = []
    for token, in_table in _with_tables(_below(path, heading)):
        if not in_table and rows:
            break
        if token.type == "tr_open":
            rows.append([])
        elif in_table and token.type == "inline":
            rows[-1].append(_inline(token))
    if not rows:
        raise MissingError(f"{path}, section {heading!r}, has no table")
    return tuple(map(tuple, rows))


def row(path: str, heading: str, first: str) -> Mapping[str, Markup]:
    """The row of a section's table whose first cell is this text: its other cells by the header."""
    header, *rows = table(path, heading)
    for cells in rows:
        if cells[0] == first:
            return {str(name): cell for name, cell in zip(header[1:], cells[1:], strict=True)}
    raise MissingError(f"the table of {path}, section {heading!r}, has no row {first!r}")


@cache
def _tokens(path: str) -> tuple[Token, ...]:
    tokens = _MARKDOWN.parse((ROOT / path).read_text(encoding="utf-8"))
    if "/" not in path:
        for token in tokens:
            _from_docs(token)
    return tuple(tokens)


@cache
def _below(path: str, heading: str) -> tuple[Token, ...]:
    tokens = _tokens(path)
    for start, token in enumerate(tokens):
        if token.type == "heading_open" and tokens[start + 1].content == heading:
            return tuple(_until(tokens[start + 3 :], token.tag))
    raise MissingError(f"{path} has no heading {heading!r}")


def _with_tables(tokens: Sequence[Token]) -> Iterator[tuple[Token, bool]]:
    """Each token, and whether it is part of a table."""
    in_table = False
    for token in tokens:
        in_table = in_table or token.type == "table_open"
        yield token, in_table
        in_table = in_table and token.type != "table_close"


def _until(tokens: Sequence[Token], rank: str) -> Iterator[Token]:
    for token in tokens:
        if token.type == "heading_open" and token.tag <= rank:
            return
        yield token


def _html(tokens: Sequence[Token]) -> Markup:
    return Markup(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))  # noqa: S704 - our own Markdown


def _inline(token: Token) -> Markup:
    return _html([token])


def _from_docs(token: Token) -> None:
    """Turn the README's links, which start at the root, into those of a page in `docs/`."""
    for child in token.children or ():
        href = child.attrGet("href") if child.type == "link_open" else None
        if isinstance(href, str) and ":" not in href:
            child.attrSet("href", href.removeprefix("docs/") if href.startswith("docs/") else f"../{href}")
