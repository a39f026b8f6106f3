"""What the guide of one cloud says: its layers, from the stacks of the twin that is all in this cloud, and of
those in which no neighbour of the layer is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from guides import facts, sections, twins, words
from guides.deployment import merging
from guides.deployment.merging import FunctionFacts, TypeRow
from guides.readers import read
from guides.resource_types import Need, needs
from twin_runtime.roles import ROLES, Cloud, Layer, Role

Stacks = Callable[[twins.Placement], Mapping[str, dict[str, Any]]]
"""The stacks of a placement as Terraform JSON, by name."""


class ParityError(Exception):
    """A cloud lacks a role without saying why, or has one that it says it does without."""


@dataclass(frozen=True)
class FunctionCard:
    """A role in this cloud. `absent` says why it does without; then there are no facts."""

    role: Role
    id: str
    name: str
    sentence: str
    optional: bool
    facts: FunctionFacts | None
    absent: str = ""


@dataclass(frozen=True)
class LayerSection:
    """A layer's section of the guide."""

    layer: Layer
    id: str
    heading: str
    sentence: str
    resources: tuple[TypeRow, ...]
    functions: tuple[FunctionCard, ...]

    @property
    def optional(self) -> tuple[FunctionCard, ...]:
        """The functions that the flag turns off."""
        return tuple(card for card in self.functions if card.optional)


@dataclass(frozen=True)
class Guide:
    """Everything that is read from the stacks of one cloud."""

    cloud: Cloud
    name: str
    layers: Mapping[Layer, LayerSection]
    shared: tuple[TypeRow, ...]
    variables: Mapping[str, str]
    outputs: Mapping[str, str]
    needs: tuple[Need, ...]
    types: int
    resources: int


SENTENCES: Mapping[Layer, str] = {
    Layer.ACQUISITION: "Devices talk to a broker. What they say becomes events in a queue, and "
    "commands go back the same way.",
    Layer.PROCESSING: "Your code runs on each event. Then it is stored, and the rules are checked on it.",
    Layer.HOT_STORAGE: "Keeps the newest events in a database that answers queries at once.",
    Layer.COLD_STORAGE: "Keeps older events as files that can be read at once, at a lower price.",
    Layer.ARCHIVE_STORAGE: "Keeps the oldest files at the lowest price. Some clouds thaw them before they "
    "are read.",
    Layer.TWIN_MANAGEMENT: "Keeps a graph of the devices and of what stands around them, with the latest "
    "measurements.",
    Layer.VISUALIZATION: "Shows the measurements in dashboards that are made from the device types.",
}


class Reader:
    """The facts of one cloud's stacks, each read once."""

    def __init__(self, cloud: Cloud, stacks: Stacks) -> None:
        self._cloud = cloud
        self.raw_single = stacks(twins.SINGLE[cloud])[cloud]
        self.single = self._read(twins.SINGLE[cloud], self.raw_single)
        self.spread = tuple(
            (placement, self._read(placement, stacks(placement)[cloud])) for placement in twins.SPREAD
        )

    def _read(self, placement: twins.Placement, stack: dict[str, Any]) -> facts.Stack:
        return read(self._cloud, stack, twins.inventory(placement, self._cloud), twins.topology(placement))

    def spread_with(self, layer: Layer) -> facts.Stack:
        """The stack of the spread twin in which the cloud holds the layer."""
        return next(stack for placement, stack in self.spread if placement[layer] is self._cloud)


def guide(cloud: Cloud, stacks: Stacks = twins.stacks) -> Guide:
    """The guide's facts. KeyError when a stack has something that no table knows; ParityError."""
    reader = Reader(cloud, stacks)
    every = (reader.single, *(stack for _, stack in reader.spread))
    types = {resource.kind for stack in every for resource in stack.resources}
    data = {f"data.{kind}" for kind in reader.raw_single.get("data", {})}
    return Guide(
        cloud=cloud,
        name=words.CLOUDS[cloud],
        layers={layer: _section(layer, cloud, reader) for layer in Layer},
        shared=merging.rows(reader.single.of(None), _union(stack.of(None) for _, stack in reader.spread)),
        variables={name: text for stack in every for name, text in stack.variables.items()},
        outputs={name: text for stack in every for name, text in stack.outputs.items()},
        needs=needs(types | data),
        types=len({resource.kind for resource in reader.single.resources}),
        resources=len(reader.single.resources),
    )


def _section(layer: Layer, cloud: Cloud, reader: Reader) -> LayerSection:
    multi = reader.spread_with(layer)
    return LayerSection(
        layer=layer,
        id=sections.anchor(layer),
        heading=sections.HEADINGS[layer],
        sentence=SENTENCES[layer],
        resources=merging.rows(reader.single.of(layer), multi.of(layer)),
        functions=tuple(
            _card(role, cloud, reader.single.functions.get(role), multi.functions.get(role))
            for role in Role
            if ROLES[role].layer is layer
        ),
    )


def _card(
    role: Role, cloud: Cloud, single: facts.Function | None, multi: facts.Function | None
) -> FunctionCard:
    absent = ROLES[role].absent.get(cloud, "")
    if not absent and not single and not multi:
        raise ParityError(f"{cloud} neither has {role} nor says in twin_runtime.roles why not")
    if absent and (single or multi):
        raise ParityError(f"{cloud} has {role}, which twin_runtime.roles says it does without")
    found = None if absent else merging.function(single, multi)
    return FunctionCard(
        role=role,
        id=sections.function_anchor(role),
        name=words.TITLES[role.value],
        sentence=ROLES[role].does,
        optional=bool(found and found.any_.optional),
        facts=found,
        absent=absent,
    )


def _union(stacks: Any) -> merging.Resources:
    found: dict[str, dict[str, facts.Resource]] = {}
    for stack in stacks:
        for kind, resources in stack.items():
            found.setdefault(kind, {}).update({resource.address: resource for resource in resources})
    return {kind: tuple(resources.values()) for kind, resources in found.items()}
