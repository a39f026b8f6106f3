"""Every page of `docs/` that is generated, by its file name."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from guides import parity, sections, twins
from guides.deployment import contents
from guides.deployment.guide import Guide, Stacks, guide
from guides.drawings import svg
from guides.picker import index
from guides.sections import PAGES, Page
from twin_runtime.roles import Cloud

_ADDRESS = re.compile(
    r"\b((?:data\.)?(?:aws|azapi|azurerm|google|random|time)_\w+\.\w+(?:\[[^\]]*\])?(?:[.:/][\w*{}]+)*)"
)
_JOINT = re.compile(r"(?<=[_./:])(?=\w)")
SHORT = 16
"""The length from which an identifier may be broken."""
TEMPLATES = twins.ROOT / "templates" / "guides"


def render() -> dict[str, str]:
    """The pages, from freshly synthesized stacks."""
    return {
        sections.PICKER: _page("index.html.j2", sections.PICKER, index.context()),
        **of_stacks(twins.stacks),
    }


def of_stacks(stacks: Stacks) -> dict[str, str]:
    """The pages that are read from stacks: the guides, and the parity page.

    Raises guide.ParityError; KeyError where a stack has something that no table knows.
    """
    guides = {cloud: guide(cloud, stacks) for cloud in Cloud}
    return {
        **{sections.guide_file(cloud): guide_page(found) for cloud, found in guides.items()},
        sections.PARITY: _page("parity.html.j2", sections.PARITY, parity.context(guides)),
    }


def guide_page(found: Guide) -> str:
    """The guide of one cloud."""
    context = contents.context(found, drawings())
    return _page("guide.html.j2", sections.guide_file(found.cloud), context)


@cache
def drawings() -> Mapping[str, str]:
    """The SVG of every flow, by the picture's id: from the topology alone. Raises elk.LayoutError."""
    pictures = [picture for cloud in Cloud for picture in contents.pictures(cloud)]
    return dict(zip((picture.id for picture in pictures), svg.drawings(pictures), strict=True))


def _page(template: str, file: str, context: Mapping[str, Any]) -> str:
    page = next(each for each in PAGES if each.file == file)
    return page_of(template, page, context)


def page_of(template: str, page: Page, context: Mapping[str, Any]) -> str:
    """A page from its template, in the frame that all have."""
    return environment().get_template(template).render(page=page, pages=PAGES, **context) + "\n"


@cache
def environment() -> Environment:
    """Templates are HTML: what they are given is escaped, and a name that is not given is an error."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"words": words_filter, "breakable": breakable, "capital": capital, "sentence": sentence}
    return found


def words_filter(text: str) -> Markup:
    """Text in which backticks mark code, and Terraform addresses are code without."""
    if isinstance(text, Markup):
        return text
    marked = [
        _code(piece) if number % 2 else _addresses(piece) for number, piece in enumerate(text.split("`"))
    ]
    return Markup("").join(marked)


def _addresses(text: str) -> Markup:
    pieces = _ADDRESS.split(text)
    return Markup("").join(
        _code(piece) if number % 2 else escape(piece) for number, piece in enumerate(pieces)
    )


def _code(text: str) -> Markup:
    return Markup("<code>{}</code>").format(breakable(text))


def breakable(text: str) -> Markup:
    """An identifier that a narrow place may break behind its joints alone; a short one, nowhere."""
    if len(text) < SHORT:
        return escape(text)
    return Markup("<wbr>").join(escape(piece) for piece in _JOINT.split(text))


def capital(text: str) -> str:
    """The text with a capital, unless it begins with what is written small on purpose."""
    return text if _ADDRESS.match(text) else text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """The text with a capital and a full stop."""
    return capital(text) + ("" if text.endswith((".", "?", "!")) else ".")
