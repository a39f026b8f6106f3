"""Facts that Azure's constructs record, beyond those of every cloud (`twinspan.inventory`)."""

from dataclasses import dataclass

from twin_runtime.roles import Role
from twinspan import inventory
from twinspan.inventory import Fact, Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Function(inventory.Function):
    """A function app. `environment` are its app settings."""

    plan: str
    instances: int
    threads: str
    public: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Named(Part):
    """A part that functions are given by an app setting of this `value`."""

    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue(Named):
    """A queue with the one into which the Functions host moves messages that failed too often."""

    dead_letters: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSecret(Named):
    """One end's secret of a link. Where the stack `links` writes it, the address is that of the key vault."""

    link: str
    remote: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant(inventory.Grant):
    """A permission. It can be on a `secret` which the stack `links` makes, or given by a `policy` of the
    resource rather than a role, or on the resource group (`group`) for the only resource of its kind there.
    """

    secret: str = ""
    policy: str = ""
    group: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(Fact):
    """The queue that a function takes from."""

    to: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(Fact):
    """The app of a function that is called over HTTPS at a path; an output says its URL."""

    to: Role
    path: str
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes(Fact):
    """A container whose change feed is handed to a function. In `leases` the host keeps how far it is."""

    to: Role
    database: str
    leases: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery(Part):
    """An Event Grid subscription that calls a function with the events of a hub. Those that it cannot deliver
    go into the container `dead_letters`.
    """

    to: Role
    hub: str
    topic: str
    events: str
    schema: str
    batch: int
    batch_kb: int
    attempts: int
    lifetime_min: int
    dead_letters: str
