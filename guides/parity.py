"""The three clouds side by side: each role with what starts it and its bounds, the Terraform types of each
layer, and the classes that each cloud makes a twin of.
"""

import dataclasses
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from guides import sections, words
from guides.deployment.guide import FunctionCard, Guide
from guides.deployment.merging import TypeRow
from twin_runtime.roles import Cloud, Layer


@dataclass(frozen=True, slots=True)
class RoleRow:
    """A role in each cloud."""

    name: str
    sentence: str
    optional: bool
    cards: Mapping[Cloud, FunctionCard]


@dataclass(frozen=True, slots=True)
class LayerRows:
    """A layer in each cloud."""

    id: str
    heading: str
    roles: tuple[RoleRow, ...]
    types: Mapping[Cloud, tuple[TypeRow, ...]]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of `twinspan.kit.Kit`: each cloud's class, and the keyword arguments that all of them take."""

    name: str
    classes: Mapping[Cloud, str]
    """Module and class, such as `aws/queues.py: Queue`."""
    arguments: Mapping[Cloud, tuple[str, ...]]


def context(guides: Mapping[Cloud, Guide]) -> dict[str, Any]:
    """The variables of `parity.html.j2`."""
    return {
        "clouds": words.CLOUDS,
        "guide_files": {cloud: sections.guide_file(cloud) for cloud in Cloud},
        "layers": layers(guides),
        "parts": parts(),
    }


def layers(guides: Mapping[Cloud, Guide]) -> tuple[LayerRows, ...]:
    """Every layer, with its roles in the order of the data."""
    return tuple(
        LayerRows(
            id=sections.anchor(layer),
            heading=words.LAYERS[layer],
            roles=tuple(
                RoleRow(
                    cards[0].name,
                    cards[0].sentence,
                    any(card.optional for card in cards),
                    dict(zip(guides, cards, strict=True)),
                )
                for cards in zip(*(guide.layers[layer].functions for guide in guides.values()), strict=True)
            ),
            types={cloud: guide.layers[layer].resources for cloud, guide in guides.items()},
        )
        for layer in Layer
    )


def parts() -> tuple[Part, ...]:
    """The parts that every cloud brings, as its `kit` hands them over."""
    kits = {cloud: import_module(f"twinspan.{cloud}.kit").kit(SimpleNamespace(twin=None)) for cloud in Cloud}
    fields = [field.name for field in dataclasses.fields(kits[Cloud.AWS])]
    return tuple(
        Part(
            name,
            {cloud: _where(getattr(kit, name)) for cloud, kit in kits.items()},
            {cloud: _keywords(getattr(kit, name)) for cloud, kit in kits.items()},
        )
        for name in fields
        if inspect.isclass(getattr(kits[Cloud.AWS], name))
    )


def _where(part: type) -> str:
    return f"{part.__module__.removeprefix('twinspan.').replace('.', '/')}.py: {part.__qualname__}"


def _keywords(part: type) -> tuple[str, ...]:
    parameters = inspect.signature(part.__init__).parameters.values()
    return tuple(sorted(each.name for each in parameters if each.kind is each.KEYWORD_ONLY))
