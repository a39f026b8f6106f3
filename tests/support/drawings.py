"""The places of what is in a drawing, read from its SVG."""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

SVG = "{http://www.w3.org/2000/svg}"
_COMMAND = re.compile(r"([A-Za-z])([^A-Za-z]*)")
_NUMBER = re.compile(r"-?[\d.]+")


class Area(NamedTuple):
    """Left, top, right and bottom."""

    left: float
    top: float
    right: float
    bottom: float

    def holds(self, other: "Area") -> bool:
        return (
            self.left <= other.left
            and self.top <= other.top
            and self.right >= other.right
            and self.bottom >= other.bottom
        )

    def meets(self, other: "Area") -> bool:
        """Whether the insides have something in common."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def read(svg: str) -> ElementTree.Element:
    """The root element."""
    return ElementTree.fromstring(svg)


def view(root: ElementTree.Element) -> Area:
    """What is visible."""
    left, top, width, height = map(float, root.attrib["viewBox"].split())
    return Area(left, top, left + width, top + height)


def parts(root: ElementTree.Element, attribute: str) -> dict[str, ElementTree.Element]:
    """The groups that have a `data-` attribute, by its value; nodes have a cloud too, and are no clouds."""
    found = [
        group for group in root.iter(f"{SVG}g") if attribute in group.attrib and _leads(group, attribute)
    ]
    by_name = {group.attrib[attribute]: group for group in found}
    assert len(by_name) == len(found)
    return by_name


def _leads(group: ElementTree.Element, attribute: str) -> bool:
    return next(name for name in group.attrib if name.startswith("data-")) == attribute


def area(element: ElementTree.Element) -> Area:
    """The place of a rectangle, or of a group's first shape."""
    if element.tag == f"{SVG}g":
        return area(element[0])
    if element.tag == f"{SVG}path":
        xs, ys = zip(*points(element.attrib["d"]), strict=True)
        return Area(min(xs), min(ys), max(xs), max(ys))
    x, y, width, height = (float(element.attrib[name]) for name in ("x", "y", "width", "height"))
    return Area(x, y, x + width, y + height)


def points(data: str) -> Iterator[tuple[float, float]]:
    """The points of path data in M, L, h, v, l and a; of an arc its ends, and of half an ellipse the sides of
    its bow too.
    """
    x = y = 0.0
    for command, text in _COMMAND.findall(data):
        numbers = [float(number) for number in _NUMBER.findall(text)]
        if command in "ML":
            x, y = numbers
        elif command == "h":
            x += numbers[0]
        elif command == "v":
            y += numbers[0]
        elif command == "l":
            x, y = x + numbers[0], y + numbers[1]
        elif command == "a":
            across, down, _, _, _, dx, dy = numbers
            if dx == 2 * across or dx == -2 * across:
                yield x + dx / 2, y - down
                yield x + dx / 2, y + down
            if dy == 2 * down or dy == -2 * down:
                yield x - across, y + dy / 2
                yield x + across, y + dy / 2
            x, y = x + dx, y + dy
        else:
            assert command == "z", command
        yield x, y


def route(edge: ElementTree.Element) -> list[tuple[float, float]]:
    """The corners of an edge's shaft."""
    (shaft,) = (path for path in edge.iter(f"{SVG}path") if path.attrib["class"] == "shaft")
    corners = [tuple(map(float, pair.split())) for pair in re.split("[ML]", shaft.attrib["d"])[1:]]
    return [(x, y) for x, y in corners]


def segments(edge: ElementTree.Element) -> Iterator[Area]:
    """The straight pieces of an edge, each as an area without width."""
    corners = route(edge)
    for (x1, y1), (x2, y2) in pairwise(corners):
        yield Area(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))


def crosses(piece: Area, what: Area) -> bool:
    """Whether a piece of an edge goes through an area, and not only along its border."""
    across = piece.left < what.right and what.left < piece.right
    down = piece.top < what.bottom and what.top < piece.bottom
    return across and down
