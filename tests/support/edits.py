"""Edits of a deployed twin that is all in one cloud, and what a plan of Terraform's makes of each."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from command.plan import reading, scratch
from local_cloud.terraform import TerraformFailed
from support.layouts import CLOUDS, Layout, config_of, twin_data
from support.synth import Stack
from twin_runtime.roles import Cloud, Layer
from twinspan.config import Config

NOTHING_REFUSED = ""
Data = dict[str, Any]
Plan = dict[str, Any]
AWAY = {Cloud.AWS: Cloud.GCP, Cloud.AZURE: Cloud.GCP, Cloud.GCP: Cloud.AZURE}
"""Where the layers of a cloud go."""
_REGIONS = {
    "aws": ("region", "eu-west-1"),
    "azure": ("location", "northeurope"),
    "gcp": ("region", "europe-west4"),
}
_SENSOR = {"telemetry": {"level": {"type": "number"}}}
_RULE = {
    "name": "icing",
    "device_type": "thermostat",
    "when": {"metric": "temperature", "below": 0},
    "then": {"workflow": True},
}


def _nothing(data: Data, home: Cloud) -> None:
    """The twin as it is deployed."""


@dataclass(frozen=True)
class Edit:
    """`change` edits the content of a twin.yaml in place, which is deployed with `before` applied to it."""

    name: str
    change: Callable[[Data, Cloud], object]
    before: Callable[[Data, Cloud], object] = _nothing


def _move(layer: Layer) -> Edit:
    def change(data: Data, home: Cloud) -> None:
        data["layers"][layer.value] = AWAY[home].value

    return Edit(f"{layer} moved to another cloud", change)


def _former(data: Data, home: Cloud) -> None:
    data["layers"]["hot_storage"] = AWAY[home].value
    data["former"] = [f"hot_storage@{home}"]


def _leave(data: Data, home: Cloud) -> None:
    data["layers"] = dict.fromkeys(data["layers"], AWAY[home].value)


def _region(data: Data, home: Cloud) -> None:
    field_, value = _REGIONS[home]
    data["clouds"][home.value] = {**data["clouds"][home.value], field_: value}


def _set(**fields: Any) -> Callable[[Data, Cloud], object]:
    return lambda data, home: data.update(copy.deepcopy(fields))


def _events(**fields: Any) -> Callable[[Data, Cloud], object]:
    return lambda data, home: data["events"].update(copy.deepcopy(fields))


def _device(data: Data, home: Cloud) -> None:
    data["devices"].append({"id": "thermostat-2", "type": "thermostat"})


def _type(data: Data, home: Cloud) -> None:
    data["device_types"]["tank"] = copy.deepcopy(_SENSOR)


def _rule(data: Data, home: Cloud) -> None:
    data["events"]["rules"].append(copy.deepcopy(_RULE))


def _no_processor(data: Data, home: Cloud) -> None:
    del data["device_types"]["thermostat"]["processor"]


EDITS = (
    Edit("nothing", _nothing),
    *(_move(layer) for layer in Layer),
    Edit("hot_storage moved, with former: [hot_storage@…]", _former),
    Edit("every layer moved, the entry under clouds kept", _leave),
    Edit("region changed", _region),
    Edit("twin renamed", _set(twin="plant")),
    Edit("device added", _device),
    Edit("device removed", _nothing, before=_device),
    Edit("device type added", _type),
    Edit("device type removed", _nothing, before=_type),
    Edit("rule added", _rule),
    Edit("rule removed", _nothing, before=_rule),
    Edit("processor removed", _no_processor),
    Edit("processor added", _nothing, before=_no_processor),
    Edit("events off", _events(enabled=False)),
    Edit("events on", _nothing, before=_events(enabled=False)),
    Edit("keys rotated", _set(keys={"generation": 2})),
    Edit("keys revoked", _set(keys={"generation": 2, "revoked_before": 2})),
    Edit("client of the read API added", _set(read_api={"clients": ["erp"]})),
    Edit("retention shortened", _set(retention={"hot_days": 7, "cold_days": 60, "archive_days": 400})),
    Edit("tags added", _set(tags={"cost-center": "4711"})),
    Edit("protection off", _set(protect=False)),
)

_TELLING = ("nothing", "hot_storage moved to another cloud", "region changed", "events off", "keys rotated")
FEW = tuple(edit for edit in EDITS if edit.name in _TELLING or edit.change is _former)
"""Edits that say most about a change of the code."""


def twin(home: Cloud) -> Data:
    """The content of a twin.yaml with all layers in one cloud, and an entry for the one they can go to."""
    data = twin_data(Layout(*[home] * len(Layer)))
    data["clouds"] = {cloud.value: CLOUDS[cloud] for cloud in Cloud if cloud in (home, AWAY[home])}
    return copy.deepcopy(data)


def configs(home: Cloud, edit: Edit) -> tuple[Config, Config]:
    """The twin before and after an edit."""
    before = twin(home)
    edit.before(before, home)
    after = twin(home) if edit.change is _nothing else copy.deepcopy(before)
    edit.change(after, home)
    return config_of(before), config_of(after)


@dataclass(frozen=True)
class Outcome:
    """What a plan of the home stack does: numbers of resources by action, of functions whose code
    changes or that appear or go, the data that goes, by store, and what refuses it.
    """

    actions: Mapping[str, int]
    functions: int = 0
    loses: Mapping[str, list[str]] = field(default_factory=dict)
    refused: str = NOTHING_REFUSED

    def document(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def outcome(home: Cloud, before: Stack, plan: Plan, *, refused: str = NOTHING_REFUSED) -> Outcome:
    """The outcome of a plan, as `twinspan plan` reads it."""
    found = reading.read(home, plan, before)
    loses: dict[str, set[str]] = {}
    for loss in found.losses:
        loses.setdefault(loss.store, set()).add(loss.holds.value)
    return Outcome(
        actions={action.value: len(found.of(action)) for action in reading.Action if found.of(action)},
        functions=len(found.functions),
        loses={store: sorted(held) for store, held in sorted(loses.items())},
        refused=refused,
    )


class Deployed(Protocol):
    """The home stack of a twin, deployed somewhere."""

    def apply(self, config: Config) -> Stack:
        """Deploy the stack; the stack."""
        ...

    def plan(self, config: Config, change: Callable[[Stack], Stack]) -> Plan:
        """The plan of the stack, with a change (`terraform show -json`). Raises `TerraformFailed`."""
        ...


REFUSALS = {
    "has lifecycle.prevent_destroy": "prevent_destroy",
    "This twin is deployed in account": "another region or account",
}
"""Why Terraform makes no plan, by what it says."""


def outcomes(home: Cloud, deployed: Deployed, edits: Collection[Edit]) -> dict[str, Any]:
    """The outcome of each edit, by its name. Edits are planned only: what is deployed is what they edit."""
    found: dict[str, Any] = {}
    current: Config | None = None
    before: Stack = {}
    for edit in sorted(edits, key=lambda each: each.before is not _nothing):
        config, after = configs(home, edit)
        if config != current:
            current, before = config, deployed.apply(config)
        refused, plan = NOTHING_REFUSED, Plan()
        try:
            plan = deployed.plan(after, lambda stack: stack)
        except TerraformFailed as failed:
            said = " ".join(str(failed).split())
            refused = next(name for words, name in REFUSALS.items() if words in said)
        if refused == "prevent_destroy":
            plan = deployed.plan(after, scratch.unprotected)
        found[edit.name] = outcome(home, before, plan, refused=refused).document()
    return {edit.name: found[edit.name] for edit in edits}
