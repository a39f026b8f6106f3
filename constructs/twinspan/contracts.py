"""What a cloud brings: the constructs that the layers are put together from, the same on every cloud.

A layer (`twinspan.layers`) decides which functions, queues and secrets there are and how they are wired, once
for all clouds. A cloud (`twinspan.aws`, `.azure`, `.gcp`) says what each construct is made of there.
`optional` marks what belongs to the event system: every Terraform resource of such a construct has `count`.

A `grant_…` gives one function the permission for one purpose. It is optional when either end is.
"""

from collections.abc import Mapping
from typing import Protocol, TypeVar

from twin_runtime.roles import Layer, Role

Own = TypeVar("Own")


def own(construct: object, kind: type[Own]) -> Own:
    """Return the construct as one of this cloud's `kind`. Raises TypeError when it is another cloud's."""
    if not isinstance(construct, kind):
        raise TypeError(
            f"{type(construct).__qualname__} of {type(construct).__module__} is not of {kind.__module__}"
        )
    return construct


class Function(Protocol):
    """A deployed function: its code, its own identity, its log with a retention, its bounds."""

    @property
    def role(self) -> Role: ...

    @property
    def layer(self) -> Layer: ...

    @property
    def optional(self) -> bool: ...


class DeadLetters(Protocol):
    """A queue of refused messages, encrypted, kept for days, with an alarm that fires when one is in it."""

    @property
    def address(self) -> str:
        """What functions are given to reach it; null or empty when it is off (see `Queue.address`)."""
        ...

    @property
    def source(self) -> str:
        """Where they are resent from; null or empty when it is off."""
        ...

    @property
    def optional(self) -> bool: ...

    def grant_send(self, function: Function) -> None: ...


class Queue(Protocol):
    """A queue between two roles with the dead-letter queue `<name>-dead`. Delivers at least once."""

    @property
    def address(self) -> str:
        """What functions are given to send to it; null or empty where the queue is optional and off.

        A value that is null is left out of an environment (`resources.environment`).
        """
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

    def fill(self, text: str) -> None:
        """Give the secret of a local link its value, an expression: the stack `links` writes remote ones
        alone.
        """
        ...


class ApiKeys(Protocol):
    """The API keys of one receiver: those of the twin itself, of the accepted generations of the twin's keys,
    and those of each client, of the client's own accepted generations.
    """

    @property
    def environment(self) -> Mapping[str, str]:
        """What the receiver's function needs to check the key itself, or to tell which client's key the
        platform has checked.
        """
        ...

    @property
    def clients(self) -> str | None:
        """An expression: the newest key of each client, by its name. None without clients."""
        ...

    def grant_read(self, function: Function) -> None: ...


class Endpoint(Protocol):
    """The public HTTPS endpoint of a receiver. Both values are expressions; null when the receiver is off."""

    @property
    def url(self) -> str: ...

    @property
    def api_key(self) -> str:
        """The key of the generation `key_generation`."""
        ...


class Store(Protocol):
    """The hot store: encrypted, restorable to a point in time. Rows expire some time after
    `retention.hot_days`; where there is a cold tier, only those that are in a file.
    """

    @property
    def address(self) -> str: ...

    @property
    def expiry(self) -> str:
        """Where the mover allows and stops the store's own expiry; empty where it deletes rows itself."""
        ...

    def grant_read(self, function: Function) -> None: ...

    def grant_write(self, function: Function) -> None: ...

    def grant_move(self, function: Function) -> None:
        """Read, write and delete; allow and stop the expiry."""
        ...


class Broker(Protocol):
    """The broker that devices connect to."""

    @property
    def address(self) -> str:
        """Where commands for devices are sent."""
        ...

    @property
    def endpoint(self) -> str:
        """Where devices send telemetry: a host name, or the full name of a topic."""
        ...

    @property
    def dispatcher_environment(self) -> Mapping[str, str]:
        """The variables by which the dispatcher identifies the device of a message."""
        ...

    def deliver_to(self, dispatcher: Function, *, dead_letters: DeadLetters) -> str | None:
        """Deliver every telemetry message to the dispatcher; undeliverable messages go to `dead_letters`.

        Returns the address of the broker's own dead letters where it cannot use that queue.
        """
        ...

    def grant_command(self, function: Function) -> None: ...


class Workflow(Protocol):
    """The workflow that a firing of a rule starts. Always optional."""

    @property
    def address(self) -> str: ...

    def grant_start(self, function: Function) -> None: ...


class StateStore(Protocol):
    """Where the event checker keeps a record for each device: what its rules have seen and done. Always
    optional, in the checker's own cloud, encrypted; without expiry, and without protection.
    """

    @property
    def address(self) -> str: ...

    def grant_write(self, function: Function) -> None:
        """Read and write its records."""
        ...


class Tier(Protocol):
    """The cold or the archive tier: a bucket of files, encrypted, closed to the public, with lifecycle rules.

    The rules delete what is older than its tier keeps, and in a cold tier whose cloud holds the archive too
    move files into the archive's storage class. A file's age counts from its writing, which is some time
    after that of its events.
    """

    @property
    def address(self) -> str: ...

    def grant_read(self, function: Function) -> None:
        """List and read."""
        ...

    def grant_write(self, function: Function) -> None:
        """List, read, write and delete."""
        ...


class Graph(Protocol):
    """Where the twin graph is kept: the platform's service for digital twins, or a database."""

    @property
    def address(self) -> str: ...

    def feed_from(self, function: Function, *, store: Store | None = None) -> None:
        """Let `function` (twin_sync or twin_connector) bring what is in the graph: by writing it, or by being
        asked for it. twin_connector comes first where there is one. `store` is the hot store that it reads,
        None where that is in another cloud.
        """
        ...

    def grant_read(self, function: Function) -> None: ...


class Dashboards(Protocol):
    """Grafana, with the twin's dashboards and the data source that reads through `hot_reader`."""

    @property
    def address(self) -> str: ...

    def keep_with(self, function: Function) -> None:
        """Let a function keep dashboards and data sources as they are generated."""
        ...

    def read_by(self, secret: Secret) -> None:
        """Where no function keeps them: take the data source from the link's secret."""
        ...
