"""The outline of each kind of node, and how much room its text must leave for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from guides.dataflow import NodeKind
from guides.drawings.elk import Rect

_RIM = 7.0
"""Half the height of a cylinder's lid, and half the width of a pipe's."""
_SLANT = 8.0


@dataclass(frozen=True, slots=True)
class Shape:
    """`outline` is the path data of a shape in a place; `across` and `above` are what the text leaves free at
    each side and on top.
    """

    outline: Callable[[Rect], str]
    across: float = 0.0
    above: float = 0.0


def _rounded(radius: float) -> Callable[[Rect], str]:
    def outline(at: Rect) -> str:
        x, y, w, h = at
        r = min(radius, h / 2)
        arc = f"a{r:g} {r:g} 0 0 1"
        return (
            f"M{x + r:g} {y:g}h{w - 2 * r:g}{arc} {r:g} {r:g}v{h - 2 * r:g}{arc} {-r:g} {r:g}"
            f"h{2 * r - w:g}{arc} {-r:g} {-r:g}v{2 * r - h:g}{arc} {r:g} {-r:g}z"
        )

    return outline


def _cylinder(at: Rect) -> str:
    x, y, w, h = at
    lid = f"a{w / 2:g} {_RIM:g} 0 0 1"
    body = f"M{x:g} {y + _RIM:g}{lid} {w:g} 0v{h - 2 * _RIM:g}{lid} {-w:g} 0z"
    # Turns the same way as the body: the lid would be a hole otherwise.
    return f"{body}M{x + w:g} {y + _RIM:g}{lid} {-w:g} 0"


def _pipe(at: Rect) -> str:
    x, y, w, h = at
    rim = f"a{_RIM:g} {h / 2:g} 0 0 1"
    body = f"M{x + _RIM:g} {y:g}h{w - 2 * _RIM:g}{rim} 0 {h:g}h{2 * _RIM - w:g}{rim} 0 {-h:g}z"
    return f"{body}M{x + w - _RIM:g} {y + h:g}{rim} 0 {-h:g}"


def _hexagon(at: Rect) -> str:
    x, y, w, h = at
    return (
        f"M{x + _SLANT:g} {y:g}h{w - 2 * _SLANT:g}l{_SLANT:g} {h / 2:g}l{-_SLANT:g} {h / 2:g}"
        f"h{2 * _SLANT - w:g}l{-_SLANT:g} {-h / 2:g}z"
    )


def _bucket(at: Rect) -> str:
    x, y, w, h = at
    return f"M{x:g} {y:g}h{w:g}l{-_SLANT:g} {h:g}h{2 * _SLANT - w:g}z"


def _notched(at: Rect) -> str:
    """A box with its corners cut."""
    x, y, w, h = at
    c = _SLANT
    return (
        f"M{x + c:g} {y:g}h{w - 2 * c:g}l{c:g} {c:g}v{h - 2 * c:g}l{-c:g} {c:g}h{2 * c - w:g}l{-c:g} {-c:g}"
        f"v{2 * c - h:g}z"
    )


def _screen(at: Rect) -> str:
    """A box with a bar on top, as a window has."""
    x, y, w, _ = at
    return f"{_rounded(4)(at)}M{x:g} {y + _RIM:g}h{w:g}"


SHAPES: Mapping[NodeKind, Shape] = {
    "device": Shape(_rounded(99), across=6),
    "client": Shape(_rounded(99), across=6),
    "broker": Shape(_hexagon, across=_SLANT),
    "function": Shape(_rounded(6)),
    "queue": Shape(_pipe, across=2 * _RIM),
    "store": Shape(_cylinder, above=2 * _RIM),
    "bucket": Shape(_bucket, across=_SLANT),
    "graph": Shape(_hexagon, across=_SLANT),
    "grafana": Shape(_screen, above=_RIM),
    "workflow": Shape(_notched, across=4),
}
