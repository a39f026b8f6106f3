"""Which stores an edit of twin.yaml deletes, and why. Pure: from the two configurations alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from twin_runtime.roles import CLOUD_NAMES, Cloud, Layer
from twinspan import stores
from twinspan.config import KEEPS, Config, Former
from twinspan.stores import Held, Identity
from twinspan.terraform.holdings import Holding
from twinspan.topology import Topology

_FILES = (Layer.COLD_STORAGE, Layer.ARCHIVE_STORAGE)


@dataclass(frozen=True, slots=True)
class Deletion:
    """What a deployment deletes of a store for one reason. `resources` are the addresses, by what they hold.

    `former` is the entry of `former:` that would keep it; None where none would.
    """

    store: str
    reason: str
    resources: Mapping[Holding, tuple[str, ...]]
    former: Former | None = None

    @property
    def refused(self) -> bool:
        """Whether `--delete-data` must name the store. Messages alone are for `twinspan plan` to count."""
        return any(holding is not Holding.MESSAGES for holding in self.resources)

    def document(self) -> dict[str, Any]:
        return {
            "store": self.store,
            "reason": self.reason,
            "refused": self.refused,
            "resources": {holding.value: list(found) for holding, found in self.resources.items()},
            "keep_with": str(self.former) if self.former else None,
        }


def deletions(before: Config, after: Config) -> tuple[Deletion, ...]:
    """Every store of which a deployment of `after` deletes something that a deployment of `before` made."""
    edit = _Edit(before, after)
    found: dict[tuple[str, str], dict[Holding, list[str]]] = {}
    kept: dict[tuple[str, str], Former] = {}
    for held, instance in edit.gone():
        key = stores.name_of(held.layer, held.stack), edit.reason(held)
        found.setdefault(key, {}).setdefault(held.holding, []).append(instance)
        if entry := edit.former(held):
            kept[key] = entry
    return tuple(
        Deletion(*key, {holding: tuple(each) for holding, each in resources.items()}, kept.get(key))
        for key, resources in found.items()
    )


def stranded(before: Config, after: Config) -> tuple[str, ...]:
    """The clouds whose stack is no longer synthesized: no deployment deletes what is there, or says so."""
    now = Topology.of(after).stacks
    return tuple(cloud for cloud in Topology.of(before).clouds if cloud not in now)


class _Edit:
    def __init__(self, before: Config, after: Config) -> None:
        self._before, self._after = before, after
        self._was, self._is = Topology.of(before), Topology.of(after)
        self._kept: dict[Former, set[tuple[str, str, Identity]]] = {}

    def gone(self) -> Iterator[tuple[Held, str]]:
        """The instances that the next deployment deletes, or replaces by others."""
        new = {
            (held.stack, instance): held.identity
            for held in stores.held(self._after)
            for instance in held.instances
        }
        registries = {
            (held.stack, held.address, held.identity)
            for held in stores.held(self._after)
            if held.holding is Holding.DEVICES
        }
        for held in stores.held(self._before):
            if held.stack in self._is.stacks:
                for instance in held.instances:
                    now = new.get((held.stack, instance))
                    # To delete a device from twin.yaml is what the edit is for.
                    dismissed = now is None and (held.stack, held.address, held.identity) in registries
                    if now != held.identity and not dismissed:
                        yield held, instance

    def reason(self, held: Held) -> str:
        """Why something goes, as a clause."""
        if changed := self._moved_identity(held):
            return changed
        if held.layer is None:
            return f"nothing in {CLOUD_NAMES[Cloud(held.stack)]} needs it any more"
        cloud = Cloud(held.stack)
        tiers = _tiers(held.layer)
        lines = [f"{layer}@{cloud}" for layer in tiers if (layer, cloud) in self._before.former]
        if lines and not any((layer, cloud) in self._after.former for layer in tiers):
            return f"former no longer lists {' and '.join(lines)}"
        here = [layer for layer in tiers if self._was.layers.get(layer) is cloud]
        if left := [layer for layer in here if self._is.layers.get(layer) is not cloud]:
            return self._left(left)
        if held.optional and not self._after.events.enabled:
            return "the event system is switched off"
        return "the layer next to it has moved, so it has no use"

    def former(self, held: Held) -> Former | None:
        """The entry of `former:` that would keep the store's data where it is."""
        if held.layer is None or held.layer not in KEEPS:
            return None
        cloud = Cloud(held.stack)
        of_old = (layer for layer in _tiers(held.layer) if (layer, cloud) in self._before.former)
        entry = Former(next(of_old, held.layer), cloud)
        return entry if (held.stack, held.address, held.identity) in self._kept_by(entry) else None

    def _kept_by(self, entry: Former) -> set[tuple[str, str, Identity]]:
        """What the edit would keep with one entry more."""
        if entry not in self._kept:
            more = self._after.model_copy(update={"former": (*self._after.former, entry)})
            self._kept[entry] = {(each.stack, each.address, each.identity) for each in stores.held(more)}
        return self._kept[entry]

    def _moved_identity(self, held: Held) -> str | None:
        """The clause on what of an identity changes; None where nothing does."""
        cloud = Cloud(held.stack)
        old, new = stores.identity(self._before, cloud), stores.identity(self._after, cloud)
        for part in ("twin", "account", "region"):
            was, now = getattr(old, part), getattr(new, part)
            if getattr(held.identity, part) is not None and was != now:
                if part == "twin":
                    return f"the twin's name changes from {was} to {now}"
                return f"clouds.{cloud}.{getattr(stores.SITE[cloud], part)} changes from {was} to {now}"
        return None

    def _left(self, layers: list[Layer]) -> str:
        parts = []
        for layer in layers:
            to = self._is.layers.get(layer)
            parts.append(f"{layer} moves to {CLOUD_NAMES[to]}" if to else f"{layer} leaves the twin")
        return " and ".join(parts)


def _tiers(layer: Layer) -> tuple[Layer, ...]:
    """The layers whose data is in the store of a layer: both tiers of files are in one bucket per cloud."""
    return _FILES if layer in _FILES else (layer,)
