"""Layers of a twin that is all in one cloud are moved away and back, each time with one apply per stack."""

from itertools import pairwise

import pytest

from support.planes import World
from support.planes.twins import Twin, edited
from twin_runtime.roles import Layer

pytestmark = [pytest.mark.terraform, pytest.mark.matrix]

LAYERS = 7
KEPT_TO_THE_LAST = ("azurerm_resource_group", "google_cloudfunctions2_function", "google_storage_bucket")
HOMES = [("g", "m"), ("m", "g")]


def one_away(home: str, away: str) -> list[str]:
    """A word for each layer that is elsewhere: `mgggggg`, `gmggggg`, …"""
    return [home * layer + away + home * (LAYERS - layer - 1) for layer in range(LAYERS)]


def unprotected(letters: str, later: str) -> bool | dict[str, bool]:
    """The field `protect` of a twin before its next edit: off for what that takes away."""
    if {*letters} - {*later}:
        return False
    return {layer: False for layer, *clouds in zip(Layer, letters, later, strict=True) if len({*clouds}) > 1}


def walk(world: World, words: list[str]) -> None:
    """Deploy one after the other, unprotected; after each there is nothing left to do. Then destroy it."""
    twin = Twin(world)
    for letters, later in pairwise([*words, ""]):
        protect = unprotected(letters, later) if later else False
        twin.deploy(edited(letters, protect=protect))
        assert twin.unsettled() == {}, letters
    twin.deploy({})
    assert not [kind for kind in KEPT_TO_THE_LAST if world.objects(kind)]


@pytest.mark.parametrize(("home", "away", "first"), [(*HOMES[0], 0), (*HOMES[1], 1)])
def test_every_other_layer_is_moved_away_and_back_when_the_next_one_leaves(
    world: World, home: str, away: str, first: int
) -> None:
    walk(world, [home * LAYERS, *one_away(home, away)[first::2], home * LAYERS])


@pytest.mark.slow
@pytest.mark.parametrize("letters", [word for home, away in HOMES for word in one_away(home, away)])
def test_a_layer_is_moved_away_and_back(world: World, letters: str) -> None:
    home = max(letters, key=letters.count) * LAYERS
    walk(world, [home, letters, home])
