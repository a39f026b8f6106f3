"""Checks across sections: names that must exist elsewhere in the file, and values that must be unique.

The checks read the plain data, not the models, and skip fields of the wrong type, which are reported
elsewhere. So a typo in one field hides no problem in another.
"""

from collections.abc import Iterator
from typing import Any

from twin_runtime.roles import Cloud, Layer
from twinspan.config.checks import graph, rules
from twinspan.config.checks.plain import Finding, list_at, mapping_at, texts
from twinspan.config.clouds import archive_problem
from twinspan.config.safety import KEEPS
from twinspan.config.text import FieldPath, Suggest, field_of, shown

_ENTRIES = {
    Cloud.AWS: '{region: eu-central-1, account_id: "<12 digits>"}',
    Cloud.AZURE: "{location: westeurope, subscription_id: <UUID>}",
    Cloud.GCP: "{project: my-project, region: europe-west1}",
}


def check(data: dict[str, Any]) -> Iterator[Finding]:
    """All findings across the file."""
    suggest = Suggest()
    devices, declared = list_at(data, "devices"), list_at(mapping_at(data, "events"), "rules")
    yield from _clouds(data)
    yield from _archive(data)
    yield from _former(data)
    yield from _repeated(("devices",), "id", devices)
    if types := mapping_at(data, "device_types"):
        for i, name in texts(devices, "type"):
            if name not in types:
                fix = suggest(name, types)
                yield ("devices", i, "type"), f"{shown(name)} is not a device type of this file; {fix}"
    yield from _repeated(("events", "rules"), "name", declared)
    yield from rules.check(data, suggest)
    yield from graph.check(data, suggest)


def _clouds(data: dict[str, Any]) -> Iterator[Finding]:
    layers, clouds = mapping_at(data, "layers"), data.get("clouds")
    if not isinstance(clouds, dict):
        return
    for cloud in Cloud:
        users = [layer.value for layer in Layer if layers.get(layer) == cloud]
        if users and cloud not in clouds:
            fix = f"add {cloud}: {_ENTRIES[cloud]}"
            verb = "is" if len(users) == 1 else "are"
            yield ("clouds", cloud.value), f"is missing, but {' and '.join(users)} {verb} in {cloud}; {fix}"


def _archive(data: dict[str, Any]) -> Iterator[Finding]:
    if message := archive_problem(mapping_at(data, "layers")):
        yield ("layers", "archive_storage"), message


def _former(data: dict[str, Any]) -> Iterator[Finding]:
    clouds, seen = mapping_at(data, "clouds"), set[str]()
    for i, store in enumerate(list_at(data, "former")):
        if not isinstance(store, str):
            continue
        path: FieldPath = ("former", i)
        layer, _, cloud = store.partition("@")
        if layer not in KEEPS:
            continue
        if store in seen:
            yield path, f"{shown(store)} is given twice; keep one of them"
        elif clouds and cloud in tuple(Cloud) and cloud not in clouds:
            yield path, f"{shown(store)} needs clouds.{cloud}; add {cloud}: {_ENTRIES[Cloud(cloud)]}"
        elif holder := next((name for name in _same_store(layer) if _cloud_of(data, name) == cloud), None):
            why = "is" if holder == layer else f"has the same files as {holder}, which is"
            yield path, f"{shown(store)} {why} still in {cloud}; remove this line"
        seen.add(store)


def _same_store(layer: str) -> tuple[str, ...]:
    """The layers whose data is in the layer's store: both tiers of files are in one bucket per cloud."""
    files = (Layer.COLD_STORAGE.value, Layer.ARCHIVE_STORAGE.value)
    return (layer, *(each for each in files if each != layer)) if layer in files else (layer,)


def _cloud_of(data: dict[str, Any], layer: str) -> object:
    """The cloud of a layer, with the defaults of the tiers; None where it has none."""
    given = mapping_at(data, "layers").get(layer)
    if given is None and layer == Layer.ARCHIVE_STORAGE:
        return _cloud_of(data, Layer.COLD_STORAGE)
    if given is None and layer == Layer.COLD_STORAGE:
        return _cloud_of(data, Layer.HOT_STORAGE)
    return given


def _repeated(section: FieldPath, key: str, entries: list[Any]) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for i, name in texts(entries, key):
        if name in first:
            taken = field_of((*section, first[name]))
            yield (
                (*section, i, key),
                f"{shown(name)} is already the {key} of {taken}; give each its own {key}",
            )
        first.setdefault(name, i)
