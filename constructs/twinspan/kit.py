"""The constructs of one cloud, as the layers create them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from twin_runtime.roles import ROLES, Cloud, Layer, Role, Schedule
from twinspan.config import Client
from twinspan.contracts import (
    ApiKeys,
    Broker,
    Dashboards,
    DeadLetters,
    Endpoint,
    Function,
    Graph,
    Queue,
    Secret,
    StateStore,
    Store,
    Tier,
    Workflow,
)
from twinspan.providers import Construct
from twinspan.topology import Link
from twinspan.twin import Twin

Made_co = TypeVar("Made_co", covariant=True)


class Maker(Protocol[Made_co]):
    """A class whose construct needs nothing but the foundation."""

    def __call__(self, scope: Construct, id_: str, /, *, foundation: Any) -> Made_co: ...


class StoreMaker(Protocol[Made_co]):
    def __call__(self, scope: Construct, id_: str, /, *, foundation: Any, former: bool) -> Made_co: ...


class QueueMaker(Protocol[Made_co]):
    def __call__(
        self, scope: Construct, id_: str, /, *, foundation: Any, name: str, layer: Layer, optional: bool
    ) -> Made_co: ...


class FunctionMaker(Protocol):
    def __call__(
        self,
        scope: Construct,
        id_: str,
        /,
        *,
        foundation: Any,
        role: Role,
        layer: Layer,
        environment: Mapping[str, str],
        source: Any,
        receiver: bool,
        optional: bool,
    ) -> Function: ...


class ClockMaker(Protocol):
    def __call__(
        self, scope: Any, id_: str, /, *, foundation: Any, function: Any, schedule: Schedule
    ) -> Construct: ...


class EndpointMaker(Protocol):
    def __call__(
        self, scope: Construct, id_: str, /, *, foundation: Any, function: Any, api_keys: Any
    ) -> Endpoint: ...


class LinkSecretMaker(Protocol):
    def __call__(
        self, scope: Construct, id_: str, /, *, foundation: Any, link: Link, layer: Layer
    ) -> Secret: ...


class ApiKeysMaker(Protocol):
    def __call__(
        self,
        scope: Construct,
        id_: str,
        /,
        *,
        foundation: Any,
        role: Role,
        layer: Layer,
        clients: Sequence[Client],
        optional: bool,
    ) -> ApiKeys: ...


@dataclass(frozen=True, kw_only=True)
class Kit:
    """Creates constructs for one stack. The classes of all clouds accept the same arguments."""

    cloud: Cloud
    twin: Twin
    foundation: Any
    """What the cloud's constructs share; only they look into it."""
    queues: QueueMaker[Queue]
    dead_letter_queues: QueueMaker[DeadLetters]
    functions: FunctionMaker
    clocks: ClockMaker
    endpoints: EndpointMaker
    link_secrets: LinkSecretMaker
    keys: ApiKeysMaker
    stores: StoreMaker[Store]
    brokers: Maker[Broker]
    workflows: Maker[Workflow]
    state_stores: Maker[StateStore]
    cold_stores: StoreMaker[Tier]
    archive_stores: Maker[Tier]
    graphs: Maker[Graph]
    dashboards: Maker[Dashboards]

    def queue(self, scope: Construct, name: str, *, layer: Layer, optional: bool = False) -> Queue:
        """The queue of that name and its dead-letter queue."""
        return self.queues(
            scope, f"{name}-queue", foundation=self.foundation, name=name, layer=layer, optional=optional
        )

    def dead_letters(
        self, scope: Construct, name: str, *, layer: Layer, optional: bool = False
    ) -> DeadLetters:
        """Dead letters where no queue stands before a role; `name` is whole, such as `telemetry-dead`."""
        return self.dead_letter_queues(
            scope, name, foundation=self.foundation, name=name, layer=layer, optional=optional
        )

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
        """A function that consumes `source`, or is called over HTTPS (`receiver`), or on a schedule where its
        role has a schedule, or by the broker.
        """
        function = self.functions(
            scope,
            role,
            foundation=self.foundation,
            role=role,
            layer=layer,
            environment=environment,
            source=source,
            receiver=receiver,
            optional=optional,
        )
        if schedule := ROLES[role].schedule:
            self.clocks(function, "clock", foundation=self.foundation, function=function, schedule=schedule)
        return function

    def endpoint(self, scope: Construct, function: Function, *, api_keys: ApiKeys) -> Endpoint:
        """The receiver's public HTTPS endpoint, with its URL and API key as outputs."""
        return self.endpoints(
            scope,
            f"{function.role}-endpoint",
            foundation=self.foundation,
            function=function,
            api_keys=api_keys,
        )

    def link_secret(self, scope: Construct, link: Link, *, layer: Layer) -> Secret:
        """The empty secret `<twin>-link-<link>`; by the output `link_<link>_secret`, `links` fills it."""
        return self.link_secrets(
            scope, f"link-{link.name}", foundation=self.foundation, link=link, layer=layer
        )

    def api_keys(
        self,
        scope: Construct,
        role: Role,
        *,
        layer: Layer,
        clients: Sequence[Client] = (),
        optional: bool = False,
    ) -> ApiKeys:
        """The keys that open one receiver: those of the twin itself, and those of each client."""
        return self.keys(
            scope,
            f"{role}-keys",
            foundation=self.foundation,
            role=role,
            layer=layer,
            clients=clients,
            optional=optional,
        )

    def store(self, scope: Construct, *, former: bool = False) -> Store:
        """The hot store. A former one keeps its rows: nothing moves them on before they expire."""
        return self.stores(scope, "store", foundation=self.foundation, former=former)

    def broker(self, scope: Construct) -> Broker:
        """The broker that devices connect to."""
        return self.brokers(scope, "broker", foundation=self.foundation)

    def workflow(self, scope: Construct) -> Workflow:
        """The workflow that a firing of a rule starts."""
        return self.workflows(scope, "workflow", foundation=self.foundation)

    def state_store(self, scope: Construct) -> StateStore:
        """Where the event checker keeps a record for each device."""
        return self.state_stores(scope, "state", foundation=self.foundation)

    def cold_store(self, scope: Construct, *, former: bool = False) -> Tier:
        """The cold tier, whose rules also archive where the archive is in this cloud. A former one has the
        files of both tiers.
        """
        return self.cold_stores(scope, "cold-store", foundation=self.foundation, former=former)

    def archive_store(self, scope: Construct) -> Tier:
        """The archive tier of a twin whose cold tier is in another cloud."""
        return self.archive_stores(scope, "archive-store", foundation=self.foundation)

    def graph(self, scope: Construct) -> Graph:
        """The twin graph."""
        return self.graphs(scope, "graph", foundation=self.foundation)

    def grafana(self, scope: Construct) -> Dashboards:
        """Grafana and the twin's dashboards."""
        return self.dashboards(scope, "dashboards", foundation=self.foundation)
