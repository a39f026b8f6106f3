"""The constructs of one cloud, as the layers create them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from twin_runtime.roles import Cloud, Layer, Role
from twinspan.parts import (
    ApiKeys,
    Broker,
    Dashboards,
    DeadLetters,
    Endpoint,
    Function,
    Graph,
    Queue,
    Secret,
    Store,
    Tier,
    Workflow,
)
from twinspan.providers import Construct
from twinspan.topology import Link
from twinspan.twin import Twin


@dataclass(frozen=True, kw_only=True)
class Kit:
    """Creates constructs for one stack. The classes of all clouds accept the same arguments."""

    cloud: Cloud
    twin: Twin
    foundation: Any
    """What the cloud's parts share; only they look into it."""
    queues: Callable[..., Queue]
    dead_letter_queues: Callable[..., DeadLetters]
    functions: Callable[..., Function]
    endpoints: Callable[..., Endpoint]
    link_secrets: Callable[..., Secret]
    keys: Callable[..., ApiKeys]
    stores: Callable[..., Store]
    brokers: Callable[..., Broker]
    workflows: Callable[..., Workflow]
    cold_stores: Callable[..., Tier]
    archive_stores: Callable[..., Tier]
    graphs: Callable[..., Graph]
    dashboards: Callable[..., Dashboards]

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
        return self.functions(
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

    def api_keys(self, scope: Construct, role: Role, *, layer: Layer, optional: bool = False) -> ApiKeys:
        """The keys that open one receiver."""
        return self.keys(
            scope, f"{role}-keys", foundation=self.foundation, role=role, layer=layer, optional=optional
        )

    def store(self, scope: Construct) -> Store:
        """The hot store."""
        return self.stores(scope, "store", foundation=self.foundation)

    def broker(self, scope: Construct) -> Broker:
        """The broker that devices connect to."""
        return self.brokers(scope, "broker", foundation=self.foundation)

    def workflow(self, scope: Construct) -> Workflow:
        """The workflow that a fired rule starts."""
        return self.workflows(scope, "workflow", foundation=self.foundation)

    def cold_store(self, scope: Construct) -> Tier:
        """The cold tier, whose rules also archive where the archive is in this cloud."""
        return self.cold_stores(scope, "cold-store", foundation=self.foundation)

    def archive_store(self, scope: Construct) -> Tier:
        """The archive tier of a twin whose cold tier is in another cloud."""
        return self.archive_stores(scope, "archive-store", foundation=self.foundation)

    def graph(self, scope: Construct) -> Graph:
        """The twin graph."""
        return self.graphs(scope, "graph", foundation=self.foundation)

    def grafana(self, scope: Construct) -> Dashboards:
        """Grafana and the twin's dashboards."""
        return self.dashboards(scope, "dashboards", foundation=self.foundation)
