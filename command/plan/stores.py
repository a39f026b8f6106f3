"""Which store a resource belongs to, and what of it a deletion would lose. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twin_runtime.roles import Cloud, Layer
from twinspan.config import KEEPS, Config
from twinspan.stores import SHARED, name_of
from twinspan.stores import held as held_by
from twinspan.terraform.holdings import Holding, holding
from twinspan.terraform.stackjson import Blocks

_USUAL: Mapping[Holding, Layer] = {
    Holding.ROWS: Layer.HOT_STORAGE,
    Holding.GRAPH: Layer.TWIN_MANAGEMENT,
    Holding.DEVICES: Layer.ACQUISITION,
    Holding.DASHBOARDS: Layer.VISUALIZATION,
}
"""The layer of what neither a tag nor a block tells of."""
_TAGS = ("tags", "labels", "user_labels")


Before = Mapping[str, Layer | None]
"""The layer of each block of a stack that held something when it was deployed, as far as it is known."""


def before(config: Config, cloud: Cloud) -> Before:
    """The layers of the blocks of a configuration's stack."""
    return {each.address: each.layer for each in held_by(config) if each.stack == cloud}


def store(
    address: str, cloud: Cloud, values: Mapping[str, Any], blocks: Blocks, known: Before | None = None
) -> str:
    """The store, `<layer>@<cloud>`, of the resource at an address; `values` are those in the state. Many
    resources have no tags, and what is deleted has no block any more: hence `known`.
    """
    for name in _TAGS:
        tags = values.get(name)
        if isinstance(tags, Mapping) and (layer := tags.get("layer")):
            return f"{layer.replace('-', '_')}@{cloud}"
    block = address.partition("[")[0]
    if known and block in known:
        return name_of(known[block], cloud)
    try:
        return name_of(blocks.layer(blocks.at(block)), cloud)
    except KeyError:
        return name_of(_USUAL.get(held(address)), cloud)


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
