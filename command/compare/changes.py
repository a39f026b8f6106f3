"""What an edit of twin.yaml changes, section by section, in the file's own words. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

from pydantic import BaseModel

from twin_runtime.roles import Layer
from twinspan.config import Client, Config

Kind = Literal["added", "removed", "changed"]
_LEFT_OUT = {"id", "name"}
"""Fields of an entry that say which one it is."""


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of a section that is added, removed or changed. `before` and `after` are as in the file, or a
    clause; None where there is none.
    """

    section: str
    name: str
    before: Any
    after: Any

    @property
    def kind(self) -> Kind:
        return "added" if self.before is None else "removed" if self.after is None else "changed"

    def document(self) -> dict[str, Any]:
        return {
            "section": self.section,
            "name": self.name,
            "change": self.kind,
            "before": self.before,
            "after": self.after,
        }


def changes(before: Config, after: Config) -> tuple[Change, ...]:
    """Every difference of two twins but in their resources, in the order of the file."""
    old, new = dict(_sections(before)), dict(_sections(after))
    return tuple(
        Change(section, name, old[section].get(name), new[section].get(name))
        for section in old
        for name in dict.fromkeys((*old[section], *new[section]))
        if old[section].get(name) != new[section].get(name)
    )


def _sections(config: Config) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each section as names and plain values, with the defaults written out."""
    yield "twin", {"name": config.name}
    yield "layers", _placed(config)
    yield "clouds", _clouds(config)
    yield "device_types", {name: _plain(each) for name, each in config.device_types.items()}
    yield "processors", _processors(config)
    yield "devices", {device.id: _plain(device) for device in config.devices}
    yield "model.types", {name: _plain(each) for name, each in config.model.types.items()}
    yield "model.entities", {each.id: _plain(each) for each in config.model.entities}
    yield "model.relationships", {f"{e.source} {e.name} {e.target}": True for e in config.model.relationships}
    yield "events", _events(config)
    yield "rules", {rule.name: _plain(rule) for rule in config.events.rules}
    yield "retention", _plain(config.retention)
    yield "backend", _plain(config.backend)
    yield "read_api", {"public": bool(config.read_api)}
    yield "clients", {client.name: _generations(client) for client in config.read_clients}
    yield "keys", _plain(config.keys)
    yield "protect", {layer.value: config.protects(layer) for layer in Layer}
    yield "former", {str(store): True for store in config.former}
    yield "tags", dict(config.tags)
    yield "alerts", _plain(config.alerts) if config.alerts else {}


def _placed(config: Config) -> dict[str, str]:
    placed = {layer.value: config.layers.cloud_of(layer) for layer in Layer}
    return {layer: cloud.value for layer, cloud in placed.items() if cloud}


def _clouds(config: Config) -> dict[str, Any]:
    """`aws.region` and its like, and `aws` alone, so that an entry that appears is one change more."""
    found: dict[str, Any] = {}
    for cloud, site in config.clouds:
        if site is not None:
            fields = site.model_dump(mode="json", exclude={"skip_region_validation"})
            found |= {f"{cloud}.{name}": value for name, value in fields.items() if value not in ([], ())}
    return found


def _processors(config: Config) -> dict[str, str]:
    """The digest of each processor's file: its first twelve digits."""
    files = {name: each.processor for name, each in config.device_types.items()}
    return {name: _digest(config, file) for name, file in files.items() if file}


def _events(config: Config) -> dict[str, Any]:
    workflow = config.events.workflow
    own = {"workflow": _digest(config, workflow)} if workflow else {}
    return {"enabled": config.events.enabled, **own}


def _digest(config: Config, file: PurePosixPath) -> str:
    return hashlib.sha256(config.path_of(file).read_bytes()).hexdigest()[:12]


def _generations(client: Client) -> dict[str, int]:
    return {"generation": client.generation, "revoked_before": client.revoked_before}


def _plain(entry: BaseModel) -> dict[str, Any]:
    """An entry without its name, and without the file of a processor, whose content counts."""
    fields = entry.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"processor"})
    return {name: value for name, value in fields.items() if name not in _LEFT_OUT}
