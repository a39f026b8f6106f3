"""The twin as its package describes it: `twin.json` beside the runtime's folder.

{"twin": "factory", "hot_days": 30, "safety_days": 30, "cold_days": 90, "archive_days": 3650,
 "devices": {"thermostat-1": "thermostat"}, "device_keys": {"thermostat-1": 2}, "revoked": [],
 "device_types": {"thermostat": {"telemetry": {…}, "commands": {…}, "processor": "processors/thermostat.py",
                                 "clock": {"ahead": 300, "behind": 2592000, "refuse": false},
                                 "rate": {"per_second": 100, "burst": 100000}}},
 "rules": [{"name": "overheating", "device_type": "thermostat",
            "when": {"metric": "temperature", "above": 80},
            "then": {"feedback": {"command": "set_point", "value": 20}, "workflow": true}}],
 "model": {"types": {"room": {"properties": {"floor": {"type": "integer"}}}},
           "entities": {"hall-1": {"type": "room", "name": "Hall 1", "properties": {"floor": 1}}},
           "relationships": [["hall-1", "contains", "thermostat-1"]]}}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from twin_runtime import jsontext, rules
from twin_runtime.errors import ConfigurationError

FILE_NAME = "twin.json"
MAX_BYTES = 32_000_000
T = TypeVar("T")


class Clock(NamedTuple):
    """How many seconds the time of a reading may be after or before its receipt by the broker. A reading
    outside these limits is refused, or keeps the time of receipt.
    """

    ahead: int = 300
    behind: int = 2_592_000
    refuse: bool = False


class Rate(NamedTuple):
    """How many readings a second a device may send, and how many at once after a pause."""

    per_second: int = 100
    burst: int = 100_000


class DeviceType(NamedTuple):
    """A type of device. `processor` is the path of the user's code inside the package, None for none."""

    name: str
    telemetry: Mapping[str, Any]
    commands: Mapping[str, Any]
    processor: str | None
    clock: Clock = Clock()
    rate: Rate = Rate()


class Entity(NamedTuple):
    """A node of the twin graph that is no device."""

    type: str
    name: str
    properties: Mapping[str, Any]


class Model(NamedTuple):
    """The twin graph besides the devices. `types` maps an entity type to its properties,
    `entities` an id to its entity; a relationship is source, name and target.
    """

    types: Mapping[str, Mapping[str, Any]] = {}
    entities: Mapping[str, Entity] = {}
    relationships: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Twin:
    """The twin. `devices` maps each device's name to its type's, `device_keys` to the number of its key where
    that is above 1. No message of a device in `revoked` is accepted, and no command is sent to it.

    An event leaves a tier when it is as many days old as `hot_days`, `cold_days` and `archive_days` say; the
    last two are None where the twin has no such tier.
    """

    name: str
    hot_days: int
    device_types: Mapping[str, DeviceType]
    devices: Mapping[str, str]
    rules: tuple[rules.Rule, ...]
    safety_days: int = 0
    """How much longer the hot store itself keeps a row, so that the mover comes first."""
    cold_days: int | None = None
    archive_days: int | None = None
    model: Model = field(default_factory=Model)
    device_keys: Mapping[str, int] = field(default_factory=dict)
    revoked: frozenset[str] = frozenset()

    @property
    def expire_days(self) -> int:
        """Days after which the hot store itself deletes a row."""
        return self.hot_days + self.safety_days


def package_root() -> Path:
    """The folder of twin.json and processors/: the one that holds `twin_runtime`."""
    return Path(__file__).resolve().parent.parent


@cache
def load_twin(root: Path) -> Twin:
    """Read twin.json once per process; raises `ConfigurationError` with one sentence."""
    path = root / FILE_NAME
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"The package has no readable {FILE_NAME}: {error.strerror}.") from None
    try:
        return parse(jsontext.loads(text, max_bytes=MAX_BYTES))
    except jsontext.Malformed as error:
        raise ConfigurationError(f"{FILE_NAME}: {error}") from None


def parse(document: Any) -> Twin:
    """The twin of a parsed twin.json; raises `ConfigurationError`."""
    if not isinstance(document, dict):
        raise ConfigurationError(f"{FILE_NAME} is not a JSON object.")
    name = _get(document, "twin", str)
    hot_days = _get(document, "hot_days", int)
    if hot_days < 1:
        raise ConfigurationError(f"{FILE_NAME}: hot_days is {hot_days}, and must be 1 or more.")
    safety_days, cold_days, archive_days = (
        _get(document, key, int) if document.get(key) is not None else None
        for key in ("safety_days", "cold_days", "archive_days")
    )
    types = {key: _device_type(key, value) for key, value in _get(document, "device_types", dict).items()}
    devices = _get(document, "devices", dict)
    for device, device_type in devices.items():
        if not isinstance(device_type, str) or device_type not in types:
            raise ConfigurationError(f"{FILE_NAME}: device {device!r} is of a type that is not there.")
    keys, revoked = document.get("device_keys") or {}, document.get("revoked") or []
    if not isinstance(keys, dict) or any(type(number) is not int or number < 1 for number in keys.values()):
        raise ConfigurationError(f"{FILE_NAME}: device_keys does not map devices to numbers of 1 or more.")
    if not isinstance(revoked, list) or not all(isinstance(device, str) for device in revoked):
        raise ConfigurationError(f"{FILE_NAME}: revoked is not a list of devices.")
    if strangers := sorted({*keys, *revoked} - devices.keys()):
        raise ConfigurationError(
            f"{FILE_NAME}: device {strangers[0]!r} has a key or is revoked, and is not there."
        )
    try:
        parsed = tuple(rules.parse(rule) for rule in document.get("rules") or ())
    except rules.RuleError as error:
        raise ConfigurationError(f"{FILE_NAME}: {error}") from None
    return Twin(
        name,
        hot_days,
        types,
        devices,
        parsed,
        safety_days=safety_days or 0,
        cold_days=cold_days,
        archive_days=archive_days,
        model=_model(document.get("model") or {}),
        device_keys=keys,
        revoked=frozenset(revoked),
    )


def _model(value: Any) -> Model:
    if not isinstance(value, dict):
        raise ConfigurationError(f"{FILE_NAME}: model is not an object.")
    try:
        types = {name: kind["properties"] for name, kind in value.get("types", {}).items()}
        entities = {
            id_: Entity(entity["type"], entity["name"], entity["properties"])
            for id_, entity in value.get("entities", {}).items()
        }
        relationships = tuple(
            (str(source), str(name), str(target)) for source, name, target in value.get("relationships", ())
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ConfigurationError(f"{FILE_NAME}: model has another shape than it is written in.") from None
    if missing := sorted({entity.type for entity in entities.values()} - types.keys()):
        raise ConfigurationError(f"{FILE_NAME}: entities are of the type {missing[0]!r}, which is not there.")
    return Model(types, entities, relationships)


def _device_type(name: str, value: Any) -> DeviceType:
    if not isinstance(value, dict):
        raise ConfigurationError(f"{FILE_NAME}: device type {name!r} is not an object.")
    processor = value.get("processor")
    if processor is not None and not isinstance(processor, str):
        raise ConfigurationError(f"{FILE_NAME}: the processor of {name!r} is not a path.")
    try:
        clock, rate = Clock(**value.get("clock") or {}), Rate(**value.get("rate") or {})
    except TypeError:
        raise ConfigurationError(f"{FILE_NAME}: clock or rate of {name!r} has an unknown field.") from None
    if any(type(number) is not int or number < 0 for number in (clock.ahead, clock.behind, *rate)):
        raise ConfigurationError(f"{FILE_NAME}: clock and rate of {name!r} must hold numbers of 0 or more.")
    telemetry, commands = value.get("telemetry") or {}, value.get("commands") or {}
    return DeviceType(name, telemetry, commands, processor, clock, rate)


def _get(document: dict[str, Any], key: str, kind: type[T]) -> T:
    value = document.get(key)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ConfigurationError(f"{FILE_NAME}: {key} is missing or not of the kind {kind.__name__}.")
    return value
