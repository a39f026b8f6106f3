"""Where things stand: names of the files, and ids of the sections that each guide has at the same place."""

from collections.abc import Mapping
from dataclasses import dataclass

from guides import words
from twin_runtime.roles import Cloud, Layer, Role

PICKER = "index.html"
PARITY = "parity.html"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of `docs/`, and what the navigation calls it."""

    file: str
    name: str


def guide_file(cloud: Cloud) -> str:
    """The file of a cloud's guide."""
    return f"docs-{cloud}-deployment.html"


PAGES: tuple[Page, ...] = (
    Page(PICKER, "Choose clouds"),
    *(Page(guide_file(cloud), f"{words.CLOUDS[cloud]} guide") for cloud in Cloud),
    Page(PARITY, "Parity"),
)
"""In the order of the navigation."""

HEADINGS: Mapping[Layer, str] = {
    Layer.ACQUISITION: "L1 Device acquisition",
    Layer.PROCESSING: "L2 Processing",
    Layer.HOT_STORAGE: "Hot storage",
    Layer.COLD_STORAGE: "Cold storage",
    Layer.ARCHIVE_STORAGE: "Archive storage",
    Layer.TWIN_MANAGEMENT: "L4 Twin management",
    Layer.VISUALIZATION: "L5 Visualization",
}
"""The heading of each layer's section. The three of L3 are parts of one section."""
STORAGE = ("storage", "L3 Storage")
"""Id and heading of the section of L3."""


def anchor(layer: Layer) -> str:
    """The id of a layer's section, the same in each guide."""
    return layer.value.replace("_", "-")


def function_anchor(role: Role) -> str:
    """The id of what is said of a function, the same in each guide."""
    return f"function-{role.value.replace('_', '-')}"
