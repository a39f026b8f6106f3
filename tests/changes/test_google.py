"""A twin on Google Cloud is changed, and each change is complete after one apply."""

import pytest

from support.layouts import CLOUDS, twin_config
from support.planes import World
from support.planes.twins import Twin, layout
from support.synth import stacks, stacks_of

pytestmark = pytest.mark.terraform

GOOGLE = layout("ggggggg")


def test_events_are_switched_in_one_apply(world: World) -> None:
    twin = Twin(world)
    for on in (False, True, False, True):
        twin.deploy(stacks(GOOGLE), enable_events=on)
        assert twin.unsettled(enable_events=on) == {}


def test_a_region_is_changed_in_one_apply(world: World) -> None:
    twin = Twin(world)
    elsewhere = twin_config(GOOGLE, clouds={"gcp": {**CLOUDS["gcp"], "region": "europe-west4"}})
    for one in (stacks(GOOGLE), stacks_of(elsewhere), stacks(GOOGLE)):
        twin.deploy(one)
        assert twin.unsettled() == {}
