"""A layout in a word: the cloud of each layer, in the order of the layers, such as `aws-azure-gcp-gcp`."""

from __future__ import annotations

from collections.abc import Mapping

from guides.picker.answers import NONE, REQUIRED
from guides.picker.decisions import Choices
from twin_runtime.roles import Cloud, Layer
from twinspan.config.text import suggestion

SEPARATOR = "-"


class LayoutError(Exception):
    """A word that is not a layout; the text says what was expected."""


def word(choices: Choices) -> str:
    """Return the word of some choices, with every layer.

    >>> word({layer: Cloud.AWS if layer in REQUIRED else NONE for layer in Layer})
    'aws-aws-aws-none-none-none-none'
    """
    return SEPARATOR.join(choices[layer.value] for layer in Layer)


def of_word(text: str) -> Mapping[Layer, str]:
    """Return the cloud, or `none`, of each layer; layers that the word leaves out have `defaults`.

    Raises `LayoutError`.

    >>> [*of_word("aws-azure-gcp").values()] == ["aws", "azure", "gcp", "gcp", "gcp", "none", "none"]
    True
    """
    given = text.split(SEPARATOR)
    if not len(REQUIRED) <= len(given) <= len(Layer):
        raise LayoutError(
            f"{text!r} has {len(given)} layers; write the clouds of {len(REQUIRED)} to {len(Layer)} layers "
            f"in this order, joined by '{SEPARATOR}': {', '.join(Layer)}."
        )
    found = dict(zip(Layer, given, strict=False))
    for layer, cloud in found.items():
        known = [*map(str, Cloud), *([] if layer in REQUIRED else [NONE])]
        if cloud not in known:
            raise LayoutError(f"{text!r}: {cloud!r} is not a cloud for {layer}; {suggestion(cloud, known)}")
    return defaults(found)


def defaults(given: Mapping[Layer, str]) -> Mapping[Layer, str]:
    """Return the layers, those that are not given as twin.yaml has them by default."""
    found = dict(given)
    found.setdefault(Layer.COLD_STORAGE, found[Layer.HOT_STORAGE])
    found.setdefault(Layer.ARCHIVE_STORAGE, found[Layer.COLD_STORAGE])
    return {layer: found.get(layer, NONE) for layer in Layer}
