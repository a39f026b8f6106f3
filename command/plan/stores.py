"""Which store a resource belongs to, and what of it a deletion would lose. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twin_runtime.roles import Cloud, Layer
from twinspan.config import KEEPS
from twinspan.terraform.holdings import Holding, holding
from twinspan.terraform.stackjson import Blocks

SHARED = "shared"
_USUAL: Mapping[Holding, str] = {
    Holding.ROWS: Layer.HOT_STORAGE,
    Holding.GRAPH: Layer.TWIN_MANAGEMENT,
    Holding.DEVICES: Layer.ACQUISITION,
    Holding.DASHBOARDS: Layer.VISUALIZATION,
}
"""The layer of what carries no tag and has left the stack's JSON, which would say to which construct it
belongs."""
_TAGS = ("tags", "labels", "user_labels")


def store(address: str, cloud: Cloud, values: Mapping[str, Any], blocks: Blocks) -> str:
    """The store, `<layer>@<cloud>`, of the resource at an address; `values` are those in the state."""
    for name in _TAGS:
        tags = values.get(name)
        if isinstance(tags, Mapping) and (layer := tags.get("layer")):
            return f"{layer.replace('-', '_')}@{cloud}"
    block = address.partition("[")[0]
    try:
        layer = blocks.layer(blocks.at(block))
    except KeyError:
        layer = _USUAL.get(holding(address))
    return f"{layer or SHARED}@{cloud}"


def held(address: str) -> Holding:
    """What a deletion of the resource at an address would lose. Types that no stack has any more: nothing."""
    try:
        return holding(address)
    except KeyError:
        return Holding.NOTHING


def layer_of(name: str) -> Layer | None:
    """The layer in a store's name; None for what the layers share."""
    word = name.partition("@")[0]
    return next((layer for layer in Layer if layer == word), None)


def known(name: str) -> bool:
    """Whether a text is the name of a store."""
    word, at, cloud = name.partition("@")
    return bool(at) and (word == SHARED or word in tuple(Layer)) and cloud in tuple(Cloud)


def can_be_former(name: str) -> bool:
    """Whether the store can stay under `former`."""
    return layer_of(name) in KEEPS
