"""What a cloud brings: the parts that the layers are put together from, the same on every cloud.

A layer (`twinspan.layers`) decides which functions, queues and secrets there are and how they are wired, once for all
clouds. A cloud (`twinspan.aws`, `.azure`, `.gcp`) says what each part is made of there. `optional` marks what belongs
to the event system: every Terraform resource of such a part has `count`.

A `grant_…` gives one function the permission for one purpose. It is optional when either end is.
"""

from collections.abc import Mapping
from typing import Protocol

from twinspan.providers import Construct
from twinspan.topology import Link
from twinspan.twin import Twin
from twinspan.vocabulary import Cloud, Layer, Role


class Function(Protocol):
    """A deployed function: its code, its own identity, its log with a retention, its bounds."""

    role: Role
    layer: Layer
    optional: bool


class DeadLetters(Protocol):
    """A queue of refused messages, encrypted, kept for days, with an alarm that rings when one is in it."""

    address: str
    """What functions are given to reach it; empty when it is off (see `Queue.address`)."""
    optional: bool

    def grant_send(self, function: Function) -> None: ...


class Queue(Protocol):
    """A queue between two roles with the dead-letter queue `<name>-dead`. Delivers at least once."""

    address: str
    """What functions are given to send to it; where the queue is optional and off, the empty string."""
    dead_letters: DeadLetters
    optional: bool

    def grant_send(self, function: Function) -> None: ...


class Secret(Protocol):
    """A secret that holds no value yet, or whose value the stack makes itself."""

    address: str

    def grant_read(self, function: Function) -> None: ...


class ApiKeys(Protocol):
    """The API keys of one receiver, in the generations `key_generation` - 1 and `key_generation`."""

    environment: Mapping[str, str]
    """What the receiver's function needs to check the key itself; empty where the platform checks it."""

    def grant_read(self, function: Function) -> None: ...


class Store(Protocol):
    """The hot store: encrypted, expiring by `retention.hot_days`, restorable to a point in time."""

    address: str

    def grant_read(self, function: Function) -> None: ...

    def grant_write(self, function: Function) -> None: ...


class Broker(Protocol):
    """What the devices talk to."""

    address: str
    """Where commands for devices are sent."""
    dispatcher_environment: Mapping[str, str]
    """What the dispatcher needs beyond the common variables, to know which device sent a message."""

    def deliver_to(self, dispatcher: Function, *, dead_letters: DeadLetters) -> None:
        """Hand every telemetry message to the dispatcher; what cannot be handed over goes to `dead_letters`."""
        ...

    def grant_command(self, function: Function) -> None: ...


class Workflow(Protocol):
    """The workflow that a fired rule starts. Always optional."""

    address: str

    def grant_start(self, function: Function) -> None: ...


class Kit(Protocol):
    """The parts of one cloud, in one stack."""

    cloud: Cloud
    twin: Twin

    def queue(self, scope: Construct, name: str, *, layer: Layer, optional: bool = False) -> Queue: ...

    def dead_letters(self, scope: Construct, name: str, *, layer: Layer, optional: bool = False) -> DeadLetters:
        """`name` is the whole name, such as `telemetry-dead`."""
        ...

    def function(
        self,
        scope: Construct,
        role: Role,
        *,
        layer: Layer,
        environment: Mapping[str, str],
        source: Queue | None = None,
        receiver: bool = False,
        optional: bool = False,
    ) -> Function:
        """A function that consumes `source`, or is called over HTTPS (`receiver`), or is called by the broker."""
        ...

    def endpoint(self, scope: Construct, function: Function, *, api_keys: ApiKeys) -> None:
        """The receiver's public HTTPS endpoint, and the outputs `<role>_url` and `<role>_api_key`."""
        ...

    def link_secret(self, scope: Construct, link: Link, *, layer: Layer) -> Secret:
        """The empty secret `<twin>-link-<link>`, and the output `link_<link>_secret` by which `links` fills it."""
        ...

    def api_keys(self, scope: Construct, role: Role, *, layer: Layer, optional: bool = False) -> ApiKeys: ...

    def store(self, scope: Construct) -> Store: ...

    def broker(self, scope: Construct) -> Broker: ...

    def workflow(self, scope: Construct) -> Workflow: ...
