"""The elements of a drawing, as SVG with classes alone: their look is in templates/guides/diagram.css."""

from collections.abc import Sequence
from html import escape

from guides import words
from guides.dataflow import Edge, Node
from guides.drawings import boxes
from guides.drawings.boxes import Text
from guides.drawings.elk import Layout, Point, Rect
from guides.drawings.metrics import width
from guides.drawings.shapes import SHAPES
from twin_runtime.roles import Cloud

HEAD_PX = 8.0
"""Length of an arrow's head."""
_NUMBER_PX = 20.0
MARKS = {"https": "HTTPS", "lifecycle": "rule"}
"""What stands on an edge of a kind that is not the usual one."""


def title_width(names: Sequence[str], more: Sequence[str]) -> float:
    """The width of a group's title."""
    wide = [width(name, 14, bold=True) for name in names] + [width(line, boxes.SERVICE_PX) for line in more]
    return float(round(max(wide) + 0.5))


def group(
    at: Rect, attributes: str, names: Sequence[str], more: Sequence[str], clouds: Sequence[Cloud] = ()
) -> str:
    """A border with a title at its left: the name, in a smaller face what is in it, and the name of each
    cloud that it may stand for.
    """
    parts = [_rounded("border", at)]
    rows = [at.y + 25 + 17 * row for row in range(9)]
    above = [*(("name", line) for line in names), *(("more", line) for line in more)]
    parts += [_line(kind, at.x + 12, y, line) for y, (kind, line) in zip(rows, above, strict=False)]
    for cloud in clouds:
        lines = zip(rows[len(above) :], words.CLOUDS[cloud].split(), strict=False)
        parts += [_line("cloud", at.x + 12, y, line, _only(cloud)) for y, line in lines]
    return f'<g class="group" {attributes}>{"".join(parts)}</g>'


def node(what: Node, found: Text, at: Rect, attributes: str) -> str:
    """A node: outline, title, what it is made of, and whether it is optional."""
    middle = at.x + at.width / 2
    optional = " optional" if what.optional else ""
    parts = [f'<path class="outline" d="{SHAPES[what.kind].outline(at)}"/>']
    rows = boxes.baselines(what, at.y)
    parts += [_line("title", middle, y, line) for y, line in zip(rows, found.title, strict=False)]
    below = len(found.title)
    several = len(found.services) > 1
    last = 0
    for cloud, lines in found.services.items():
        only = _only(cloud) if several else ""
        parts += [
            _line("service", middle, y, line, only) for y, line in zip(rows[below:], lines, strict=False)
        ]
        last = max(last, len(lines))
    if what.optional:
        parts.append(_line("mark", middle, rows[below + last], boxes.OPTIONAL))
    return f'<g class="node node-{what.kind}{optional}" {attributes}>{"".join(parts)}</g>'


def _rounded(kind: str, at: Rect) -> str:
    x, y, width, height = (f"{number:g}" for number in at)
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="10"/>'


def _only(cloud: Cloud) -> str:
    """The attribute of what is shown where `data-cloud` is that cloud."""
    return f' data-for="{cloud}"'


def _line(kind: str, x: float, y: float, text: str, more: str = "") -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}"{more}>{escape(text)}</text>'


def label_size(edge: Edge, number: int | None) -> tuple[float, float]:
    """Width and height of what stands on an edge: its number, and its mark; zero when there is neither."""
    mark = MARKS.get(edge.kind, "")
    if number is None and not mark:
        return 0.0, 0.0
    wide = (_NUMBER_PX if number is not None else 6.0) + (width(mark, 10, bold=True) + 8 if mark else 0.0)
    return float(round(wide + 0.5)), _NUMBER_PX


def edge(what: Edge, route: Sequence[Point], label: Rect | None, number: int | None, attributes: str) -> str:
    """An edge with its head at the target; `route` leads from source to target."""
    classes = ["edge", f"edge-{what.kind}"]
    classes += [name for name, on in (("remote", what.remote), ("optional", what.optional)) if on]
    shaft, head = _arrow(route)
    parts = [f'<path class="shaft" d="{shaft}"/>', f'<path class="head" d="{head}"/>']
    if label is not None:
        parts.append(_label(what, label, number))
    return f'<g class="{" ".join(classes)}" {attributes}>{"".join(parts)}</g>'


def _label(what: Edge, at: Rect, number: int | None) -> str:
    mark = MARKS.get(what.kind, "")
    middle = at.y + at.height / 2
    parts = [_rounded("pill", at)]
    start = at.x
    if number is not None:
        parts.append(f'<circle class="disc" cx="{at.x + 10:g}" cy="{middle:g}" r="10"/>')
        parts.append(_line("number", at.x + 10, middle + 4, str(number)))
        start += _NUMBER_PX
    if mark:
        parts.append(_line("protocol", (start + at.x + at.width) / 2, middle + 3.5, mark))
    return "".join(parts)


def _arrow(route: Sequence[Point]) -> tuple[str, str]:
    """Path data of shaft and head."""
    before, end = route[-2], route[-1]
    dx, dy = _sign(end.x - before.x), _sign(end.y - before.y)
    base = Point(end.x - dx * HEAD_PX, end.y - dy * HEAD_PX)
    points = [*route[:-1], base]
    shaft = "M" + "L".join(f"{point.x:g} {point.y:g}" for point in points)
    half = HEAD_PX / 2
    head = (
        f"M{end.x:g} {end.y:g}L{base.x - dy * half:g} {base.y - dx * half:g}"
        f"L{base.x + dy * half:g} {base.y + dx * half:g}z"
    )
    return shaft, head


def _sign(difference: float) -> int:
    return (difference > 0) - (difference < 0)


def frame(id_: str, layout: Layout, title: str, description: str, content: str, kind: str = "flow") -> str:
    """The SVG element, with a title and a description for those who do not see it."""
    named = f"{id_}-title {id_}-desc"
    width, height = f"{layout.width:g}", f"{layout.height:g}"
    return (
        f'<svg class="diagram diagram-{kind}" xmlns="http://www.w3.org/2000/svg" role="img" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'aria-labelledby="{named}"><title id="{id_}-title">{escape(title)}</title>'
        f'<desc id="{id_}-desc">{escape(description)}</desc>{content}</svg>'
    )
