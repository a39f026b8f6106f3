"""One layer of a twin that is all in one cloud is moved away and back, each time with one apply per stack."""

import pytest

from support.planes import World
from support.planes.twins import Twin, layout
from support.synth import stacks

pytestmark = [pytest.mark.terraform, pytest.mark.matrix]

LAYERS = 7
MOVED = [
    home * layer + away + home * (LAYERS - layer - 1)
    for home, away in (("g", "m"), ("m", "g"))
    for layer in range(LAYERS)
]


@pytest.mark.parametrize("letters", MOVED)
def test_a_layer_is_moved_away_and_back(world: World, letters: str) -> None:
    home = max(letters, key=letters.count) * LAYERS
    twin = Twin(world)
    for one in (home, letters, home):
        twin.deploy(stacks(layout(one)))
        assert twin.unsettled() == {}
