"""What a guide's template is given, and the table of contents that stands beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from guides import bills, documents, flows, linkstack, runbook, sections, twins
from guides.guide import Guide, LayerSection, Stacks
from guides.runbook import README
from twin_runtime.roles import Cloud, Layer
from twinspan.terraform.resources import EVENTS_VARIABLE

NOT_RUN = "What has been run, and what has not"
"""The README's section on it."""
STORAGE = (Layer.HOT_STORAGE, Layer.COLD_STORAGE, Layer.ARCHIVE_STORAGE)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the table of contents."""

    id: str
    text: str
    entries: tuple["Entry", ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """A flow in one cloud and between clouds, drawn."""

    flow: flows.Flow
    single: "Drawing"
    multi: "Drawing"


@dataclass(frozen=True, slots=True)
class Drawing:
    picture: flows.Picture
    svg: str


def pictures(cloud: Cloud) -> tuple[flows.Picture, ...]:
    """What a guide draws."""
    return tuple(
        draw(flow, cloud)
        for layer in Layer
        for flow in flows.flows(layer)
        for draw in (flows.single, flows.multi)
    )


def context(guide: Guide, stacks: Stacks, drawings: Mapping[str, str]) -> dict[str, Any]:
    """The variables of `guide.html.j2`. `drawings` are SVG by the ids of `pictures`."""
    single = twins.topology(twins.SINGLE[guide.cloud])
    parts = runbook.parts(guide.cloud, single)
    return {
        "guide": guide,
        "cloud": guide.cloud,
        "storage": STORAGE,
        "storage_section": Entry(*sections.STORAGE),
        "flows": {layer: pairs(layer, guide.cloud, drawings) for layer in Layer},
        "flag": EVENTS_VARIABLE,
        "ends": linkstack.ends(guide.cloud, stacks),
        "devices": runbook.devices(guide.cloud),
        "services": runbook.services(guide.cloud),
        "deployer": runbook.DEPLOYERS[guide.cloud],
        "parts": parts,
        "bill": bills.bill(guide.cloud),
        "not_run": not_run(guide.cloud),
        "expect": documents.items(README, NOT_RUN),
        "entries": entries(guide, parts),
    }


def pairs(layer: Layer, cloud: Cloud, drawings: Mapping[str, str]) -> tuple[Pair, ...]:
    """The flows of a layer's section."""

    def drawn(picture: flows.Picture) -> Drawing:
        return Drawing(picture, drawings[picture.id])

    return tuple(
        Pair(flow, drawn(flows.single(flow, cloud)), drawn(flows.multi(flow, cloud)))
        for flow in flows.flows(layer)
    )


def not_run(cloud: Cloud) -> tuple[tuple[Any, ...], ...]:
    """The README's table of what stood for what, without the rows of the other clouds."""
    others = tuple(name for each, name in runbook.NAMES.items() if each is not cloud)
    return tuple(row for row in documents.table(README, NOT_RUN) if not row[0].startswith(others))


def entries(guide: Guide, parts: tuple[runbook.Part, ...]) -> tuple[Entry, ...]:
    """The table of contents: the same for each cloud."""

    def entry(layer: Layer) -> Entry:
        return _layer_entry(guide.layers[layer])

    return (
        Entry("overview", "Overview"),
        entry(Layer.ACQUISITION),
        entry(Layer.PROCESSING),
        Entry(*sections.STORAGE, tuple(entry(layer) for layer in STORAGE)),
        entry(Layer.TWIN_MANAGEMENT),
        entry(Layer.VISUALIZATION),
        Entry("shared", "Shared resources"),
        Entry("links", "The stack links"),
        *(Entry(part.id, part.heading) for part in parts),
        Entry("permissions", "Permissions of the deployer"),
        Entry("prices", "Prices per million events"),
        Entry("not-run", "What has not been run"),
    )


def _layer_entry(section: LayerSection) -> Entry:
    return Entry(section.id, section.heading)
