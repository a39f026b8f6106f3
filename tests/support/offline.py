"""What a page would load: nothing but itself, so that it works from a file, offline, and tells nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import tinycss2

from support.html import Page

SOURCES = (
    "src",
    "srcset",
    "poster",
    "data",
    "background",
    "action",
    "formaction",
    "ping",
    "manifest",
    "code",
)
"""Attributes whose value a browser loads, or sends to, by itself."""
HREFS = "link, image, use, feImage, base, script"
"""Elements whose href is loaded, not followed."""
CALLS = re.compile(
    r"\b(fetch|XMLHttpRequest|WebSocket|WebTransport|EventSource|RTCPeerConnection|sendBeacon|importScripts|Worker"
    r"|SharedWorker|serviceWorker|Image|FontFace|eval|Function|document\.write)\b\s*(?=[(.])|\bimport\b"
)
"""What loads, or makes code out of text, in a script."""


def loads(page: Page) -> Iterator[str]:
    """Whatever of the page would make a browser ask for more than the file."""
    for element in page.select("*"):
        where = f"line {element.source_line}: {element.tag}"
        for name in SOURCES:
            value = element.attr(name) or ""
            if value and not value.startswith("data:"):
                yield f"{where} loads {name}={value!r}"
        href = element.attr("href") or element.attr("xlink:href") or ""
        if element.matches(HREFS) and href and not href.startswith(("data:", "#")):
            yield f"{where} loads {href!r}"
        for name in element.attrs:
            if name.startswith("on"):
                yield f"{where} has a script in {name}"
        yield from (f"{where}: {each}" for each in styles(element.attr("style") or "", declarations=True))
    for refresh in page.select("meta[http-equiv=refresh i]"):
        yield f"line {refresh.source_line}: the page leads away by itself"
    for style in page.select("style"):
        yield from styles(style.text)
    for script in page.select("script"):
        if script.attr("type") in (None, "", "module"):
            yield from (f"a script calls {match[0]}" for match in CALLS.finditer(_bare(script.text)))


def styles(text: str, *, declarations: bool = False) -> Iterator[str]:
    """What a sheet, or the declarations of an attribute, would load."""
    parse = tinycss2.parse_blocks_contents if declarations else tinycss2.parse_stylesheet
    yield from _nodes(parse(text, skip_comments=True, skip_whitespace=True))


def _nodes(nodes: Sequence[Any] | None) -> Iterator[str]:
    for node in nodes or ():
        if node.type == "error":
            yield f"CSS, line {node.source_line}: {node.message}"
        if node.type == "at-rule" and node.lower_at_keyword in ("import", "font-face", "namespace"):
            yield f"CSS, line {node.source_line}: @{node.lower_at_keyword}"
        address = node.value if node.type == "url" else _argument(node)
        if address is not None and not address.startswith(("data:", "#")):
            yield f"CSS, line {node.source_line}: url({address})"
        for name in ("prelude", "arguments", "value"):
            inner = getattr(node, name, None)
            if isinstance(inner, list):
                yield from _nodes(inner)
        if node.type in ("qualified-rule", "at-rule") and node.content is not None:
            yield from _nodes(
                tinycss2.parse_blocks_contents(node.content, skip_comments=True, skip_whitespace=True)
            )


def _argument(node: Any) -> str | None:
    """The address of a function that loads, with its address in quotes."""
    if node.type != "function" or node.lower_name not in (
        "url",
        "src",
        "image",
        "image-set",
        "-webkit-image-set",
    ):
        return None
    return next((each.value for each in node.arguments if each.type in ("string", "url")), "")


def _bare(script: str) -> str:
    """A script without its comments and texts, which may name what they like."""
    pattern = r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'"""
    return re.sub(pattern, '""', script, flags=re.DOTALL)
