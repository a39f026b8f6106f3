"""What a cloud brings: the parts that the layers are put together from, the same on every cloud.

A layer (`twinspan.layers`) decides which functions, queues and secrets there are and how they are wired, once
for all clouds. A cloud (`twinspan.aws`, `.azure`, `.gcp`) says what each part is made of there. `optional`
marks what belongs to the event system: every Terraform resource of such a part has `count`.

A `grant_…` gives one function the permission for one purpose. It is optional when either end is.
"""

from collections.abc import Mapping
from typing import Protocol, TypeVar

from twinspan.vocabulary import Layer, Role

Part = TypeVar("Part")


def own(part: object, kind: type[Part]) -> Part:
    """The part as one of this cloud's `kind`; TypeError when another cloud's was handed over."""
    if not isinstance(part, kind):
        raise TypeError(f"{type(part).__qualname__} of {type(part).__module__} is no {kind.__module__}")
    return part


class Function(Protocol):
    """A deployed function: its code, its own identity, its log with a retention, its bounds."""

    @property
    def role(self) -> Role: ...

    @property
    def layer(self) -> Layer: ...

    @property
    def optional(self) -> bool: ...


class DeadLetters(Protocol):
    """A queue of refused messages, encrypted, kept for days, with an alarm that rings when one is in it."""

    @property
    def address(self) -> str:
        """What functions are given to reach it; empty when it is off (see `Queue.address`)."""
        ...

    @property
    def source(self) -> str:
        """Where a replay takes them from; empty when it is off."""
        ...

    @property
    def optional(self) -> bool: ...

    def grant_send(self, function: Function) -> None: ...


class Queue(Protocol):
    """A queue between two roles with the dead-letter queue `<name>-dead`. Delivers at least once."""

    @property
    def address(self) -> str:
        """What functions are given to send to it; where the queue is optional and off, the empty string."""
        ...

    @property
    def dead_letters(self) -> DeadLetters: ...

    @property
    def optional(self) -> bool: ...

    def grant_send(self, function: Function) -> None: ...


class Secret(Protocol):
    """A secret that holds no value yet, or whose value the stack makes itself."""

    @property
    def address(self) -> str: ...

    def grant_read(self, function: Function) -> None: ...


class ApiKeys(Protocol):
    """The API keys of one receiver, in the generations `key_generation` - 1 and `key_generation`."""

    @property
    def environment(self) -> Mapping[str, str]:
        """What the receiver's function needs to check the key itself; empty where the platform checks it."""
        ...

    def grant_read(self, function: Function) -> None: ...


class Store(Protocol):
    """The hot store: encrypted, expiring by `retention.hot_days`, restorable to a point in time."""

    @property
    def address(self) -> str: ...

    def grant_read(self, function: Function) -> None: ...

    def grant_write(self, function: Function) -> None: ...


class Broker(Protocol):
    """What the devices talk to."""

    @property
    def address(self) -> str:
        """Where commands for devices are sent."""
        ...

    @property
    def dispatcher_environment(self) -> Mapping[str, str]:
        """What the dispatcher needs beyond the common variables, to know which device sent a message."""
        ...

    def deliver_to(self, dispatcher: Function, *, dead_letters: DeadLetters) -> str | None:
        """Hand every telemetry message to the dispatcher; what cannot be goes to `dead_letters`.

        Where the broker can only keep that in a place of its own, returns the place's address.
        """
        ...

    def grant_command(self, function: Function) -> None: ...


class Workflow(Protocol):
    """The workflow that a fired rule starts. Always optional."""

    @property
    def address(self) -> str: ...

    def grant_start(self, function: Function) -> None: ...
