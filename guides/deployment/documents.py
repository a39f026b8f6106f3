"""Sections of the README and of the documents, as HTML: what they say is not written a second time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from guides.twins import ROOT
from guides.words import CLOUDS
from twin_runtime.roles import Cloud

_MARKDOWN = MarkdownIt("commonmark").enable("table")
README = "README.md"


class MissingError(LookupError):
    """A document no longer has what a guide takes from it; the text names both."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a section."""

    header: tuple[Markup, ...]
    rows: tuple[tuple[Markup, ...], ...]

    @property
    def facts(self) -> Mapping[Markup, Markup] | None:
        """Terms and what is said of them, where the table comes to that: one row, or two columns."""
        if len(self.rows) == 1:
            return {name: cell for name, cell in zip(self.header, self.rows[0], strict=True) if name}
        if len(self.header) == 2:
            return {Markup(" ").join(filter(None, (self.header[0], term))): cell for term, cell in self.rows}
        return None


def section(path: str, heading: str, cloud: Cloud) -> tuple[Markup | Table, ...]:
    """A section as a cloud's guide has it: its text, with its tables apart. That of a title ends at the next
    heading. `path` is relative to the project.

    What is said below a heading that names another cloud is left out, as are rows that begin with its name.
    """
    others = tuple(name for each, name in CLOUDS.items() if each is not cloud)
    found: list[Markup | Table] = []
    text: list[Token] = []
    tokens = iter(_of(_below(path, heading), others))
    for token in tokens:
        if token.type == "table_open":
            found += [_html(text), _table(tokens, others)]
            text = []
        else:
            text.append(token)
    return tuple(each for each in (*found, _html(text)) if each)


def column(path: str, heading: str, name: str) -> Mapping[str, Markup]:
    """A column of the first table of a section, by the first cells of its rows."""
    tokens = iter(_below(path, heading))
    if not any(token.type == "table_open" for token in tokens):
        raise MissingError(f"{path}, section {heading!r}, has no table")
    table = _table(tokens)
    if name not in table.header:
        raise MissingError(f"the table of {path}, section {heading!r}, has no column {name!r}")
    return {str(row[0]): row[table.header.index(Markup(name))] for row in table.rows}  # noqa: S704 - a name


@cache
def _below(path: str, heading: str) -> tuple[Token, ...]:
    tokens = _MARKDOWN.parse((ROOT / path).read_text(encoding="utf-8"))
    for start, token in enumerate(tokens):
        if token.type == "heading_open" and tokens[start + 1].content == heading:
            last = "h6" if token.tag == "h1" else token.tag
            return tuple(_linked(each, path) for each in _until(tokens[start + 3 :], last))
    raise MissingError(f"{path} has no heading {heading!r}")


def _until(tokens: Sequence[Token], rank: str) -> Iterator[Token]:
    for token in tokens:
        if token.type == "heading_open" and token.tag <= rank:
            return
        yield token


def _of(tokens: Sequence[Token], others: tuple[str, ...]) -> Iterator[Token]:
    """Without what is said of other clouds, and without the headings that name a cloud."""
    left, here = iter(tokens), True
    for token in left:
        if token.type == "heading_open":
            text, close = next(left), next(left)
            here = not text.content.startswith(others)
            if here and not text.content.startswith(tuple(CLOUDS.values())):
                yield from (token, text, close)
        elif here:
            yield token


def _table(tokens: Iterator[Token], others: tuple[str, ...] = ()) -> Table:
    """The table that has just begun."""
    rows: list[list[Markup]] = []
    for token in tokens:
        if token.type == "table_close":
            break
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(_html([token]))
    header, *body = (tuple(row) for row in rows)
    return Table(header, tuple(row for row in body if not row[0].startswith(others)))


def _html(tokens: Sequence[Token]) -> Markup:
    return Markup(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))  # noqa: S704 - our own Markdown


def _linked(token: Token, path: str) -> Token:
    """The README's links start at the root: turn them into those of a page in `docs/`."""
    for child in (token.children or ()) if path == README else ():
        href = child.attrGet("href") if child.type == "link_open" else None
        if isinstance(href, str) and ":" not in href:
            child.attrSet("href", href.removeprefix("docs/") if href.startswith("docs/") else f"../{href}")
    return token
