"""All 2,187 placements of the seven layers, with the event system on and off: each synthesizes, and holds
together.
"""

import copy

import pytest

from support.combinations import every_twin, wrong
from support.layouts import COVERING, SYNTHESIZED, Layout
from support.synth import stacks
from twin_runtime.roles import Cloud


@pytest.mark.slow
def test_every_combination() -> None:
    found = list(every_twin())
    assert sum(each.twins for each in found) == 2 * 3**7
    assert not [problem for each in found for problem in each.problems]


@pytest.mark.parametrize("layout", SYNTHESIZED, ids=str)
def test_a_combination_of_any_three_layers(layout: Layout) -> None:
    assert not list(wrong(layout, stacks(layout), events=True))


def test_what_is_wrong_would_be_found() -> None:
    layout = COVERING[0]
    found = dict(stacks(layout))
    assert not list(wrong(layout, found, events=True))
    assert len(list(wrong(layout, found, events=False))) == len(found)
    lost = {**found, "aws": {**found["aws"], "resource": {}}}
    assert any("leads nowhere" in problem for problem in wrong(layout, lost, events=True))
    assert any("functions" in problem for problem in wrong(layout, lost, events=True))
    assert list(wrong(Layout(*[Cloud.GCP] * 7), found, events=True))
    afloat = copy.deepcopy(found)
    afloat["aws"]["terraform"]["required_providers"]["aws"]["version"] = "~> 6.0"
    assert list(wrong(layout, afloat, events=True)) == ["aws: the provider aws is not pinned exactly"]
