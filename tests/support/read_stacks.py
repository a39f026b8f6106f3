"""The stacks that the guides are drawn from, and what the readers say of them: read once per session."""

from functools import cache

import pytest

from guides import facts, twins
from guides.readers import read
from support.terraform_json import Stack
from twin_runtime.roles import Cloud
from twinspan.inventory import Inventory

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


def inventory_of(number: int, cloud: Cloud) -> Inventory:
    """What the constructs of that stack recorded."""
    return twins.inventory(PLACEMENTS[number], cloud)


@cache
def said(number: int, cloud: Cloud) -> facts.Stack:
    """What the reader says of it."""
    return read(
        cloud, stack_of(number, cloud), inventory_of(number, cloud), twins.topology(PLACEMENTS[number])
    )


def alone(cloud: Cloud) -> int:
    """The placement that has all its layers in one cloud."""
    return list(twins.SINGLE).index(cloud)
