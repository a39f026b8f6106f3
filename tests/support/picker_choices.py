"""Every combination of choices that the picker offers, and those that cover any three layers."""

from collections.abc import Iterator
from itertools import product

from guides.picker import answers
from guides.picker.answers import EVENTS, FACTORS, NONE, OFF, ON, READ_API
from guides.picker.decisions import Choices
from support.layouts import SYNTHESIZED, Layout
from twin_runtime.roles import Layer


def combinations() -> Iterator[Choices]:
    """Every combination, also those that twin.yaml refuses."""
    names = [factor.name for factor in FACTORS]
    for choices in product(*(factor.choices for factor in FACTORS)):
        yield dict(zip(names, choices, strict=True))


def every() -> Iterator[Choices]:
    """Every combination that twin.yaml allows: 5,616 placements, each with the event system and the read API
    on and off.
    """
    return (choices for choices in combinations() if not answers.refusal(choices))


def of(layout: Layout, number: int) -> Choices:
    """The choices of a layout; its number turns the switches."""
    return {
        **{layer.value: cloud or NONE for layer, cloud in zip(Layer, layout, strict=True)},
        EVENTS: (ON, OFF)[number % 2],
        READ_API: (ON, OFF)[number // 2 % 2],
    }


COVERING = tuple(of(layout, number) for number, layout in enumerate(SYNTHESIZED))
