"""A twin in a world, changed from one layout to the next: every stack, in the order of deployment."""

from collections.abc import Mapping
from typing import Any

from support.layouts import Layout, twin_config
from support.planes.world import World
from support.synth import stacks_of
from support.terraform_json import Stack
from twin_runtime.roles import Cloud

_LETTERS = {"m": Cloud.AZURE, "g": Cloud.GCP}


def layout(letters: str) -> Layout:
    """The layout of `ggggggm`: a letter for each layer, `m` for Azure and `g` for Google Cloud."""
    return Layout(*(_LETTERS[letter] for letter in letters))


def edited(letters: str, **fields: Any) -> dict[str, Stack]:
    """The stacks of a layout with some fields of twin.yaml."""
    return stacks_of(twin_config(layout(letters), **fields))


class Twin:
    """The stacks of a twin, of which `links` comes last.

    A stack that falls away is destroyed first, as it was.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._stacks: Mapping[str, Stack] = {}

    def deploy(self, stacks: Mapping[str, Stack], **variables: object) -> None:
        """Change to these stacks with one apply each. Raises `TerraformFailed`."""
        for name in sorted({*self._stacks} - {*stacks}, reverse=True):
            self._world.destroy(name, self._stacks[name], **variables)
        self._stacks = stacks
        for name in sorted(stacks):
            self._world.apply(name, stacks[name], **variables)

    def unsettled(self, **variables: object) -> dict[str, object]:
        """What another apply would change, by stack, and what names something that is not there."""
        found: dict[str, object] = {
            name: self._world.changes(name, stack, **variables) for name, stack in self._stacks.items()
        }
        found["dangling"] = self._world.dangling()
        return {key: value for key, value in found.items() if value}
