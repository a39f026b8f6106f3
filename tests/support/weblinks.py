"""Where the links of pages lead: to an element of a page, to a file of the repository and a heading in it, or
to another host, which is a reader's choice and is not followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from support.html import Page


def broken(page: Page, pages: Mapping[str, Page], folder: Path) -> Iterator[str]:
    """The links of a page, which lies in `folder` beside `pages`, that lead nowhere."""
    for link in page.select("a[href], area[href], use[href]"):
        target = link.attr("href") or ""
        problem = _problem(target, page, pages, folder)
        if problem:
            yield f"line {link.source_line}: {target!r} {problem}"


def _problem(target: str, page: Page, pages: Mapping[str, Page], folder: Path) -> str:
    url = urlsplit(target)
    if url.scheme or url.netloc:
        return "" if url.scheme in ("https", "mailto") else "is neither https nor a file beside the page"
    name, fragment = unquote(url.path), unquote(url.fragment)
    if not name and not fragment:
        return "names nothing"
    other = pages.get(name) if name else page
    if other is not None:
        return "" if not fragment or fragment in other.ids else "names no element of that page"
    path = (folder / name).resolve()
    if name.startswith("/") or not path.exists() or not path.is_relative_to(folder.resolve().parent):
        return "is no file of the repository"
    if fragment and path.suffix == ".md" and fragment not in anchors(path):
        return "names no heading of that file"
    return ""


@cache
def anchors(path: Path) -> frozenset[str]:
    """The anchors that GitHub gives the headings of a Markdown file."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    found: list[str] = []
    for heading in re.findall(r"^#{1,6} +(.*?) *#*$", text, flags=re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)]\([^)]*\)", r"\1", heading).lower()).replace(
            " ", "-"
        )
        found.append(f"{slug}-{found.count(slug)}" if slug in found else slug)
    return frozenset(found)
