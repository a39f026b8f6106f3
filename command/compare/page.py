"""A comparison as a page for people."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from command.compare.changes import Change
from twin_runtime.roles import CLOUD_NAMES, Cloud

if TYPE_CHECKING:
    from command.compare import Comparison

_TITLES = {
    "twin": "Twin",
    "layers": "Layers",
    "clouds": "Clouds",
    "device_types": "Device types",
    "processors": "Processors",
    "devices": "Devices",
    "model.types": "Types of entities",
    "model.entities": "Entities",
    "model.relationships": "Relationships",
    "events": "Events",
    "rules": "Rules",
    "retention": "Retention",
    "backend": "Terraform state",
    "read_api": "Read API",
    "clients": "Clients of the read API",
    "keys": "Keys",
    "protect": "Protection",
    "former": "Former stores",
    "tags": "Tags",
    "alerts": "Alerts",
}
_MOST = 12
"""Entries of a section that are listed one by one."""


def lines(comparison: Comparison, delete_data: Collection[str]) -> list[str]:
    """The page, section by section; sections without a difference are left out."""
    found = [f"Twin {comparison.after.name}: what the edit changes"]
    for title, part in (
        *sections(comparison.changes),
        ("Functions with new code", list(_code(comparison))),
        ("Data that would be deleted", list(_data(comparison, delete_data))),
        ("Left behind", list(_stranded(comparison))),
        ("Terraform resources", list(_resources(comparison))),
        ("Cost", comparison.costs.lines()),
        ("Refused", [f"  {each}" for each in comparison.refusals(delete_data)]),
    ):
        if part:
            found += ["", title, *part]
    return found


def sections(changes: Collection[Change]) -> Iterator[tuple[str, list[str]]]:
    """The titles of the sections of twin.yaml that differ, each with its lines."""
    for section, title in _TITLES.items():
        if here := [each for each in changes if each.section == section]:
            more = len(here) - _MOST
            listed = [f"  {_change(each)}" for each in (here[:_MOST] if more > 1 else here)]
            yield title, [*listed, f"  … and {more} more"] if more > 1 else listed


def _change(change: Change) -> str:
    """One difference: `+` appears, `-` leaves, and for what changes, from what to what."""
    name, before, after = change.name, change.before, change.after
    if change.section == "layers":
        if before is None:
            return f"+ {name} appears in {CLOUD_NAMES[Cloud(after)]}"
        if after is None:
            return f"- {name} leaves {CLOUD_NAMES[Cloud(before)]}"
        return f"  {name} moves from {CLOUD_NAMES[Cloud(before)]} to {CLOUD_NAMES[Cloud(after)]}"
    if change.section == "processors":
        return {"added": f"+ {name}", "removed": f"- {name}", "changed": f"  {name}: other code"}[change.kind]
    if change.section == "rules" and change.kind == "changed":
        return f"  {name}: {_fields(before, after)}"
    if before is None:
        return f"+ {name}{_shown_after(after)}"
    if after is None:
        return f"- {name}"
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return f"  {name}: {_fields(before, after)}"
    return f"  {name}: {_value(before)} → {_value(after)}"


def _shown_after(value: Any) -> str:
    """What an entry that appears is, where a word says it."""
    if isinstance(value, Mapping):
        return f" ({value['type']})" if "type" in value else ""
    return "" if value is True else f": {_value(value)}"


def _fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    parts = []
    for name in dict.fromkeys((*before, *after)):
        was, now = before.get(name), after.get(name)
        if was == now:
            continue
        if any(isinstance(value, Mapping | list) for value in (was, now)):
            parts.append(f"other {name}")
        else:
            parts.append(f"{name} {_value(was)} → {_value(now)}")
    return ", ".join(parts)


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value)) or "none"
    return str(value)


def _code(comparison: Comparison) -> Iterator[str]:
    for each in comparison.code:
        yield f"  {CLOUD_NAMES[each.cloud]}: {', '.join(each.functions)}"
        yield f"    because of {'; '.join(each.why)}"


def _data(comparison: Comparison, delete_data: Collection[str]) -> Iterator[str]:
    for each in comparison.deletions:
        held = [holding.value for holding in each.resources]
        words = ", ".join(held) if each.refused else "messages, if there are any"
        named = " (--delete-data names it)" if each.refused and each.store in delete_data else ""
        yield f"  {each.store}: {words}, because {each.reason}{named}"
        for holding, addresses in each.resources.items():
            yield f"    {holding.value}: {_some(addresses)}"
    if comparison.former:
        yield f"  To keep what can stay, write in twin.yaml: former: [{', '.join(comparison.former)}]"


def _stranded(comparison: Comparison) -> Iterator[str]:
    for cloud in comparison.stranded:
        yield (
            f"  {CLOUD_NAMES[Cloud(cloud)]} is no longer under clouds: its resources stay, with their "
            f"data, and are billed. Keep clouds.{cloud} until a deployment has removed them."
        )


def _some(addresses: tuple[str, ...]) -> str:
    more = len(addresses) - _MOST
    return ", ".join(addresses) if more <= 1 else f"{', '.join(addresses[:_MOST])} … and {more} more"


def _resources(comparison: Comparison) -> Iterator[str]:
    for name, counts in comparison.resources.stacks.items():
        yield (
            f"  {name:<6} {len(counts.appear)} appear, {len(counts.vanish)} vanish, "
            f"{len(counts.replaced)} replaced, {len(counts.changed)} changed"
        )
    if comparison.resources.stacks:
        yield f"  Read from the JSON of both twins, synthesized in {comparison.resources.seconds:.1f} s."
