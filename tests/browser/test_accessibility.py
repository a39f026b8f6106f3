"""axe-core finds nothing against WCAG 2.1, levels A and AA, nor against its best practices, on any page: on a
screen in the light scheme and on a phone in the dark one.
"""

from __future__ import annotations

import pytest

from support.browser import SCHEMES, WIDTHS, Tab

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("width", "scheme"), [(WIDTHS[0], SCHEMES[0]), (WIDTHS[-1], SCHEMES[1])])
def test_no_violation(tab: Tab, width: int, scheme: str) -> None:
    tab.show(width, scheme)
    assert tab.violations() == []
