"""What a guide says of a synthesized stack, in the same terms for each cloud."""

from collections.abc import Mapping
from dataclasses import dataclass

from twin_runtime.roles import Cloud, Layer, Role


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource block. `address` is `TYPE.NAME`; `layer` is None for what the layers of a stack share."""

    address: str
    layer: Layer | None
    optional: bool
    """Part of the event system: `count` or `for_each` depends on the flag."""

    @property
    def kind(self) -> str:
        """The Terraform type."""
        return self.address.split(".")[0]


@dataclass(frozen=True, slots=True)
class Trigger:
    """What starts a function: `kind` is one of queue, http, broker, schedule, changes, deployment, platform.

    `text` says it in the cloud's own names, with the figures of the stack (batch size, schedule, path);
    `addresses` are the blocks that make it so, the source first.
    """

    kind: str
    text: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Use:
    """Something that a function reads or writes: the address of its block, or of a remote end the link's
    name behind `link:`.
    """

    address: str
    text: str


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable and where its value comes from: the text of the constant, or what the
    expression refers to.
    """

    name: str
    value: str
    optional: bool
    """Empty while the event system is off."""


@dataclass(frozen=True, slots=True)
class Permission:
    """What a function's identity may do: the cloud's own words for the action or role, and the blocks (or
    patterns) that it may do it to.
    """

    action: str
    on: str


@dataclass(frozen=True, slots=True)
class Function:
    """A deployed function. Texts are in the cloud's own names and carry the stack's figures."""

    role: Role
    cloud: Cloud
    layer: Layer
    address: str
    optional: bool
    runtime: str
    memory_mb: int
    timeout_s: int
    limits: tuple[str, ...]
    """Further limits, such as concurrency or instances."""
    triggers: tuple[Trigger, ...]
    inputs: tuple[Use, ...]
    outputs: tuple[Use, ...]
    environment: tuple[Variable, ...]
    permissions: tuple[Permission, ...]
    retries: tuple[str, ...]
    """What repeats a failed call, how often and at what pace."""
    dead_letters: tuple[Use, ...]
    """Where what is refused ends: queues, topics, containers. Empty for what only answers a caller."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A cloud's stack of one twin."""

    cloud: Cloud
    resources: tuple[Resource, ...]
    functions: Mapping[Role, Function]
    outputs: Mapping[str, str]
    """Name and description of each output."""
    variables: Mapping[str, str]
    """Name and description of each variable."""

    def of(self, layer: Layer | None) -> Mapping[str, tuple[Resource, ...]]:
        """The resources of a layer, or of none, by Terraform type, sorted."""
        found: dict[str, tuple[Resource, ...]] = {}
        for resource in self.resources:
            if resource.layer is layer:
                found[resource.kind] = (*found.get(resource.kind, ()), resource)
        return dict(sorted(found.items()))
