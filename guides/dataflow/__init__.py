"""What a twin consists of and how data goes through it, as a graph: from the topology alone, for diagrams."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from guides import twins, words
from guides.dataflow.edges import Edge, edges
from twin_runtime.roles import ROLES, Cloud, Layer, Role
from twinspan.topology import Topology

NodeKind = Literal[
    "device", "broker", "function", "queue", "store", "bucket", "graph", "grafana", "workflow", "client"
]


@dataclass(frozen=True, slots=True)
class Node:
    """A part of the twin. `id` is unique in a twin and the same in every twin that has the node, wherever it
    lies, so that a drawing can keep its place: a role's value, or such as `events_queue`, `hot_store`.

    `part` is what the stacks call it; empty for what is outside the twin. Two nodes share one where they are
    one thing (the archive of a twin whose cold tier is in the same cloud is a storage class of the cold
    bucket), or two of the same name in different clouds (the queues `processing`).

    `cloud` is None for what is outside the twin: devices and API clients.
    """

    id: str
    kind: NodeKind
    layer: Layer
    cloud: Cloud | None
    part: str = ""
    optional: bool = False
    role: Role | None = None

    @property
    def title(self) -> str:
        """What the node is called in every cloud, such as "Dispatcher"."""
        return words.TITLES[self.id]

    @property
    def name(self) -> str:
        """The node's full name, such as "Dispatcher Lambda" or "hot store (DynamoDB)"."""
        if self.cloud is None:
            return self.title if self.kind == "client" else self.title.lower()
        if self.role is not None:
            return words.function(self.role, self.cloud)
        service = self.service(self.cloud)
        return service if self.kind == "grafana" else f"{self.title.lower()} ({service})"

    def service(self, cloud: Cloud) -> str:
        """What the node would be made of in a cloud, such as "Lambda"."""
        names = {"function": words.FUNCTION, "queue": words.QUEUE}.get(self.kind)
        return (names or words.SERVICES[self.id])[cloud]


@dataclass(frozen=True, slots=True)
class Graph:
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def node(self, id_: str) -> Node:
        """The node of that id; KeyError when there is none."""
        for node in self.nodes:
            if node.id == id_:
                return node
        raise KeyError(id_)


def graph(topology: Topology) -> Graph:
    """Every node and edge of a twin, in the order of the data. The event system is in it, as optional."""
    nodes = tuple(_nodes(topology))
    optional = {node.id for node in nodes if node.optional}
    found = (
        replace(
            edge,
            remote=edge.kind == "https" and topology.link(edge.link).remote,
            optional=not optional.isdisjoint((edge.source, edge.target))
            or (edge.source, edge.target) == ("broker", "devices"),
        )
        for edge in edges(topology)
    )
    return Graph(nodes, tuple(found))


def union(graphs: Iterable[Graph]) -> Graph:
    """One graph of every node and edge; what several have is taken from the first."""
    nodes: dict[str, Node] = {}
    edges: dict[str, Edge] = {}
    for each in graphs:
        for node in each.nodes:
            nodes.setdefault(node.id, node)
        for edge in each.edges:
            edges.setdefault(edge.key, edge)
    return Graph(tuple(nodes.values()), tuple(edges.values()))


@cache
def everything() -> Graph:
    """Every node and edge that a twin can have: each cloud alone, and the clouds in turn, have them all.

    The clouds of its nodes say nothing, and none of its edges is remote: that is a matter of the twin.
    """
    placements = (*twins.SPREAD, *twins.SINGLE.values())
    whole = union(graph(twins.topology(placement)) for placement in placements)
    return Graph(whole.nodes, tuple(replace(edge, remote=False) for edge in whole.edges))


def _nodes(topology: Topology) -> Iterator[Node]:
    layers, links = topology.layers, {link.name: link for link in topology.links}

    def node(id_: str, kind: NodeKind, layer: Layer, part: str, optional: bool = False) -> Node:
        return Node(id_, kind, layer, layers[layer], part, optional)

    def function(role: Role) -> Iterator[Node]:
        if role in topology.roles:
            where, spec = topology.roles[role], ROLES[role]
            yield Node(role.value, "function", spec.layer, where, role.value, spec.optional, role)

    yield Node("devices", "device", Layer.ACQUISITION, None)
    yield node("broker", "broker", Layer.ACQUISITION, "telemetry")
    yield from function(Role.DISPATCHER)
    if links["telemetry"].remote:
        yield node("connector_queue", "queue", Layer.ACQUISITION, "processing")
        yield from function(Role.CONNECTOR)
        yield from function(Role.INGESTION)
    yield node("processing_queue", "queue", Layer.PROCESSING, "processing")
    yield from function(Role.PROCESSOR)
    yield node("persisting_queue", "queue", Layer.PROCESSING, "persisting")
    yield from function(Role.PERSISTER)
    yield node("events_queue", "queue", Layer.PROCESSING, "events", optional=True)
    yield from function(Role.EVENT_CHECKER)
    yield node("workflow", "workflow", Layer.PROCESSING, "workflow", optional=True)
    if not links["feedback"].remote:
        yield node("commands_queue", "queue", Layer.ACQUISITION, "commands", optional=True)
    yield from function(Role.EVENT_FEEDBACK)
    yield from function(Role.WRITER)
    yield node("hot_store", "store", Layer.HOT_STORAGE, "store")
    yield from function(Role.HOT_READER)
    if topology.read_api:
        yield Node("read_client", "client", Layer.HOT_STORAGE, None)
    if "cold" in links:
        yield from function(Role.COLD_MOVER)
        yield from function(Role.COLD_WRITER)
        yield node("cold_bucket", "bucket", Layer.COLD_STORAGE, "cold")
    if "archive" in links:
        yield from function(Role.ARCHIVE_MOVER)
        yield from function(Role.ARCHIVE_WRITER)
        part = "archive" if links["archive"].remote else "cold"
        yield node("archive_bucket", "bucket", Layer.ARCHIVE_STORAGE, part)
    if "twin" in links:
        yield from function(Role.TWIN_SYNC)
        yield from function(Role.TWIN_CONNECTOR)
        yield node("twin_graph", "graph", Layer.TWIN_MANAGEMENT, "graph")
        yield from function(Role.TWIN_READER)
        if topology.read_api:
            yield Node("graph_client", "client", Layer.TWIN_MANAGEMENT, None)
    if "dashboards" in links:
        yield from function(Role.DASHBOARD_SYNC)
        yield node("grafana", "grafana", Layer.VISUALIZATION, "grafana")
