"""The text in a node, and the room that it takes."""

from collections.abc import Sequence
from dataclasses import dataclass

from guides.dataflow import Node
from guides.drawings import metrics
from guides.drawings.shapes import SHAPES
from twin_runtime.roles import Cloud

TITLE_PX, SERVICE_PX, MARK_PX = 13.0, 12.0, 11.0
OPTIONAL = "[Optional]"
_LEADING = 16.0
WRAP_PX = 124.0
"""How wide a line is before it is broken: two nodes side by side fit a phone."""
_ACROSS, _ABOVE = 10.0, 7.0


@dataclass(frozen=True, slots=True)
class Text:
    """What stands in a node: its title, and what it is made of in each of the clouds that it may be in."""

    title: tuple[str, ...]
    services: dict[Cloud, tuple[str, ...]]
    optional: bool

    @property
    def rows(self) -> int:
        """Lines, of the cloud that has most of them."""
        return len(self.title) + max(map(len, self.services.values()), default=0) + self.optional


def text(node: Node, clouds: Sequence[Cloud], wrap_px: float = WRAP_PX) -> Text:
    """The text of a node that may be in any of `clouds`; of one outside the twin there is the title alone."""
    made_of = {} if node.cloud is None else {cloud: node.service(cloud) for cloud in clouds}
    wrapped = {cloud: metrics.wrap(name, wrap_px, SERVICE_PX) for cloud, name in made_of.items()}
    return Text(metrics.wrap(node.title, wrap_px, TITLE_PX), wrapped, node.optional)


def size(node: Node, found: Text) -> tuple[float, float]:
    """Width and height of the node's outline, whole pixels."""
    widths = [metrics.width(line, TITLE_PX, bold=True) for line in found.title]
    widths += [metrics.width(line, SERVICE_PX) for lines in found.services.values() for line in lines]
    if found.optional:
        widths.append(metrics.width(OPTIONAL, MARK_PX))
    shape = SHAPES[node.kind]
    wide = max(widths) + 2 * (_ACROSS + shape.across)
    return float(round(wide + 0.5)), _LEADING * found.rows + 2 * _ABOVE + shape.above


def baselines(node: Node, top: float) -> list[float]:
    """Where the lines of a node's text stand, from the first on; as many as there may be."""
    first = top + _ABOVE + SHAPES[node.kind].above + 12
    return [first + _LEADING * row for row in range(9)]
