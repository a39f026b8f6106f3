"""One browser for each file of tests: while it runs, no other event loop can be started in this thread."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from support.browser import Tab, chromium, opened
from support.html import DOCS, PAGES


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module", params=PAGES)
def tab(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Tab]:
    """Each page of docs/, opened once for all tests of a file."""
    with opened(browser, DOCS / request.param) as tab:
        yield tab
