"""Find what holds readings of devices, by the outputs of each cloud's stack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from operations.errors import UsageError
from operations.outputs import CLOUDS, Outputs, entries, unknown_entry, value
from operations.restore import locations
from operations.restore.locations import COLD, HOT, Location

VALUES, FORMER = "device_values", "former_stores"
GRAPH, RULES = "graph", "rule_state"
_FORMER = {"hot_storage": HOT, "cold_storage": COLD, "archive_storage": COLD}


@dataclass(frozen=True, slots=True)
class Places:
    """`hot` is the hot store and then those that it has left; `files` are all buckets of files."""

    hot: tuple[Location, ...]
    files: tuple[Location, ...]
    graph: Location | None
    rules: Location | None

    @property
    def all(self) -> tuple[Location, ...]:
        return (*self.hot, *self.files, *(each for each in (self.graph, self.rules) if each))


def of_outputs(outputs: Outputs) -> Places:
    """Return the places in the outputs of the stacks; raises `UsageError`."""
    tiers = locations.of_outputs(outputs)
    found: dict[str, Location] = {}
    for cloud, key, fields in entries(outputs, VALUES, ("cloud", "address")):
        if key not in (GRAPH, RULES) or fields["cloud"] != cloud:
            raise unknown_entry(VALUES, cloud, key)
        found[key] = Location(key, cloud, fields["address"])
    hot = [tiers.hot]
    files = {locations.bucket(each): each for each in tiers.buckets}
    for former in _former(outputs):
        if former.tier == HOT:
            hot.append(former)
        else:
            files.setdefault(locations.bucket(former), former)
    return Places(tuple(hot), tuple(files.values()), found.get(GRAPH), found.get(RULES))


def _former(outputs: Outputs) -> Iterator[Location]:
    """Yield the stores that a layer has left. A stack without any has no such output."""
    for cloud in CLOUDS:
        stack = outputs.get(cloud)
        kept = value(stack.get(FORMER)) if isinstance(stack, Mapping) else None
        if kept is None:
            continue
        if not isinstance(kept, Mapping):
            raise UsageError(f"The output {FORMER} of {cloud} is not an object of addresses.")
        for layer, address in kept.items():
            if layer not in _FORMER or not isinstance(address, str):
                raise unknown_entry(FORMER, cloud, layer)
            yield Location(_FORMER[layer], cloud, address)
