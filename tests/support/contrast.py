"""The contrast of a page's text, by WCAG's formula, from its own style sheet: for each element with text, the
colour that the cascade gives it and the ground that it stands on, in light, in dark and on paper.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from typing import Any

import tinycss2
from tinycss2 import color5
from turbohtml import Element, Text

from support.cascade import Cascade, chain
from support.html import Page

SCHEMES = ("light", "dark", "print")
LEAST = 4.5
"""WCAG 2.1, 1.4.3, level AA. Large text may do with less, and here does not."""
_SHAPES = ("rect", "circle", "path")
_SVG_TEXT = ("text", "tspan")
_UNSEEN = "script, style, template, title, desc, option, [hidden]"
Colour = tuple[float, float, float]
_PARSE: Any = color5.parse_color
"""Its types are not written down."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A text's colour and its ground in one scheme, with the first element that has them."""

    scheme: str
    text: str
    ground: str
    ratio: float
    where: str


def pairs(page: Page) -> list[Pair]:
    """Each pair of colours once for each scheme, the poorest first."""
    found: dict[tuple[str, str, str], Pair] = {}
    for scheme in SCHEMES:
        paint = Paint(Cascade(page, scheme))
        for element in _written_on(page):
            for state in ("", *paint.sheet.states(element)):
                text, ground = paint.text(element, state), paint.ground(element, state)
                if (scheme, text, ground) not in found:
                    where = f"line {element.source_line}: {element.tag}{state} {_words(element)!r}"
                    found[scheme, text, ground] = Pair(
                        scheme, text, ground, ratio(rgb(text), rgb(ground)), where
                    )
    return sorted(found.values(), key=lambda pair: pair.ratio)


def poor(page: Page) -> Iterator[str]:
    """The texts that are hard to read."""
    for pair in takewhile(lambda pair: pair.ratio < LEAST, pairs(page)):
        yield f"{pair.where}: {pair.text} on {pair.ground} is {pair.ratio:.2f}:1 ({pair.scheme})"


def ratio(one: Colour, other: Colour) -> float:
    """WCAG's contrast ratio of two colours of sRGB, 1 to 21.

    >>> ratio((0, 0, 0), (1, 1, 1))
    21.0
    """
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Colour) -> float:
    linear = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour)
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def rgb(value: str) -> Colour:
    """ValueError for what is no opaque colour of sRGB: its contrast is not known from the sheet."""
    colour = _PARSE(value)
    if colour is None or colour == "currentcolor" or colour.space != "srgb" or colour.alpha < 1:
        raise ValueError(f"{value!r} is no opaque colour of sRGB")
    red, green, blue = colour.coordinates
    return red, green, blue


def _written_on(page: Page) -> Iterator[Element]:
    unseen = set(page.select(_UNSEEN))
    for element in page.select("body *"):
        written = any(isinstance(child, Text) and child.data.strip() for child in element.children)
        if written and unseen.isdisjoint(chain(element)):
            yield element


def _words(element: Element) -> str:
    return " ".join(element.text.split())[:40]


class Paint:
    """What colours elements have and stand on in one scheme, as the sheet writes them, variables put in."""

    def __init__(self, sheet: Cascade) -> None:
        self.sheet = sheet
        self.text = cache(self._text)
        self.ground = cache(self._ground)
        self._inherited = cache(self._inherit)

    def _text(self, element: Element, state: str) -> str:
        return self._inherited(element, "fill" if element.tag in _SVG_TEXT else "color", state)

    def _inherit(self, element: Element, name: str, state: str) -> str:
        value = self.sheet.resolved(element, self.sheet.value(element, name, state), state)
        if name == "fill" and value.lower() == "currentcolor":
            return self._inherited(element, "color", state)
        if value and value.lower() not in ("inherit", "currentcolor", "unset"):
            return value
        return self._inherited(element.parent, name, state) if isinstance(element.parent, Element) else "#000"

    def _ground(self, element: Element, state: str) -> str:
        """The shape that a drawing's text is written on, else the ground of the nearest element with one."""
        value = self._shape(element) if element.tag in _SVG_TEXT else ""
        value = value or self.sheet.resolved(
            element, self.sheet.value(element, "background-color", state), state
        )
        for part in tinycss2.parse_component_value_list(value):
            colour = _PARSE(part)
            if colour is not None and colour != "currentcolor" and colour.alpha:
                return part.serialize()
        return self.ground(element.parent, state) if isinstance(element.parent, Element) else "#fff"

    def _shape(self, text: Element) -> str:
        """The fill of the last box or disc of the group under the text's anchor, else of the last outline."""
        before = [
            each for each in text.previous_siblings if isinstance(each, Element) and each.tag in _SHAPES
        ]
        under = [shape for shape in before if _holds(shape, text)]
        fills = [self._inherited(each, "fill", "") for each in under or before]
        return next((fill for fill in fills if fill != "none"), "")


def _holds(shape: Element, text: Element) -> bool:
    x, y = _number(text, "x"), _number(text, "y")
    if shape.tag == "circle":
        return abs(x - _number(shape, "cx")) <= _number(shape, "r") >= abs(y - _number(shape, "cy"))
    left, top = _number(shape, "x"), _number(shape, "y")
    return left <= x <= left + _number(shape, "width") and top <= y <= top + _number(shape, "height")


def _number(element: Element, name: str) -> float:
    return float(element.attr(name) or 0)
