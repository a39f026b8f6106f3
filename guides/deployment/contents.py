"""What a guide's template is given, and the table of contents that stands beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from guides import sections
from guides.dataflow import flows
from guides.deployment import bills, linkstack, runbook
from guides.deployment.guide import Guide
from twin_runtime.roles import Cloud, Layer
from twinspan.terraform.resources import EVENTS_VARIABLE

STORAGE = (Layer.HOT_STORAGE, Layer.COLD_STORAGE, Layer.ARCHIVE_STORAGE)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the table of contents."""

    id: str
    text: str
    entries: tuple["Entry", ...] = ()


def pictures(cloud: Cloud) -> tuple[flows.Picture, ...]:
    """What a guide draws."""
    return tuple(chain.from_iterable(pair for layer in Layer for pair in flows.pairs(layer, cloud)))


def context(guide: Guide, drawings: Mapping[str, str]) -> dict[str, Any]:
    """The variables of `guide.html.j2`. `drawings` are SVG by the ids of `pictures`."""
    parts = runbook.parts(guide.cloud)
    return {
        "guide": guide,
        "cloud": guide.cloud,
        "storage": STORAGE,
        "storage_section": Entry(*sections.STORAGE),
        "flows": {layer: flows.pairs(layer, guide.cloud) for layer in Layer},
        "drawings": drawings,
        "flag": EVENTS_VARIABLE,
        "reader": linkstack.reader,
        "ends": linkstack.ends(guide.cloud),
        "devices": runbook.devices(guide.cloud),
        "services": runbook.services(guide.cloud),
        "deployer": runbook.DEPLOYERS[guide.cloud],
        "parts": parts,
        "bill": bills.bill(guide.cloud),
        "not_run": runbook.not_run(guide.cloud),
        "entries": entries(guide, parts),
    }


def entries(guide: Guide, parts: tuple[runbook.Part, ...]) -> tuple[Entry, ...]:
    """The table of contents: the same for each cloud."""

    def entry(layer: Layer) -> Entry:
        return Entry(guide.layers[layer].id, guide.layers[layer].heading)

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
