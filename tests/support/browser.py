"""Debian's Chromium, driven by Playwright: pages opened from their files, and all that they say meanwhile."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from support.servers import missing

ROOT = Path(__file__).resolve().parents[2]
PROBES = (ROOT / "tests" / "browser" / "probes.js").read_text(encoding="utf-8")
"""What is asked of pages that are laid out: `window.probe`."""
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTHS = (1440, 768, 390)
"""A screen, a tablet, a phone."""
SCHEMES = ("light", "dark")
HEIGHT = 900


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A browser, until the end of the block. As root it needs to run without its sandbox; it only sees pages
    of this repository.
    """
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        missing("Chromium is not installed (apt-get install chromium)")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Tab:
    """An open page. `said` holds its warnings and errors, `asked` the addresses that it requested."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def show(self, width: int, scheme: str = "light", media: str = "screen") -> Page:
        """The page at that width and in that colour scheme, without loading it again."""
        self.page.set_viewport_size({"width": width, "height": HEIGHT})
        self.page.emulate_media(color_scheme=scheme, media=media, reduced_motion="reduce")  # pyright: ignore
        return self.page

    def run(self, function: str, argument: Any = None) -> Any:
        """What a JavaScript function of the page answers."""
        return self.page.evaluate(function, argument)

    def violations(self) -> list[str]:
        """What axe-core finds against WCAG 2.1, levels A and AA, and against its best practices."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text(encoding="utf-8"))
        return self.page.evaluate(_AXE_RUN, _TAGS)


_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
_AXE_RUN = """async tags => {
  const found = await axe.run(document, { runOnly: tags, resultTypes: ["violations"], reporter: "v2" });
  const say = ({ target, any, all, none }) =>
    [target, ...any.concat(all, none).map(each => each.message)].join(" ");
  return found.violations.flatMap(({ id, nodes }) => nodes.map(node => `${id}: ${say(node)}`));
}"""


@contextlib.contextmanager
def opened(browser: Browser, path: Path) -> Iterator[Tab]:
    """A page in a tab of its own, from its file."""
    with contextlib.closing(browser.new_context(reduced_motion="reduce")) as context:
        tab = Tab(context.new_page())
        tab.page.on("console", lambda message: _keep(tab.said, message.type, message.text))
        tab.page.on("pageerror", lambda error: tab.said.append(f"error: {error}"))
        tab.page.on("request", lambda request: tab.asked.append(request.url))
        tab.page.goto(path.as_uri())
        yield tab


def _keep(said: list[str], kind: str, text: str) -> None:
    if kind in ("warning", "error"):
        said.append(f"{kind}: {text}")
