"""The stacks that the guides are drawn from, and what the readers say of them: read once per session."""

from functools import cache

import pytest

from guides import facts, twins
from guides.readers import read
from support.terraform_json import Stack
from twin_runtime.roles import Cloud, Role

PLACEMENTS = (*twins.SINGLE.values(), *twins.SPREAD)
STACKS = [
    pytest.param(number, cloud, id=f"{'-'.join(placement.values())}:{cloud}")
    for number, placement in enumerate(PLACEMENTS)
    for cloud in twins.topology(placement).clouds
]
"""Number of the placement, and cloud."""


def stack_of(number: int, cloud: Cloud) -> Stack:
    """A cloud's stack of a placement. Not to be changed."""
    return twins.stacks(PLACEMENTS[number])[cloud]


@cache
def said(number: int, cloud: Cloud) -> facts.Stack:
    """What the reader says of it."""
    return read(cloud, stack_of(number, cloud), twins.topology(PLACEMENTS[number]))


def alone(cloud: Cloud) -> int:
    """The placement that has all its layers in one cloud."""
    return list(twins.SINGLE).index(cloud)


def reread(cloud: Cloud, stack: Stack) -> dict[Role, facts.Function]:
    """What is said of the functions of such a twin's stack, after a change."""
    return dict(read(cloud, stack, twins.topology(PLACEMENTS[alone(cloud)])).functions)
