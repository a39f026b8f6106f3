"""The flows that a guide shows of each layer, the same in each cloud, as parts of a twin's data flow."""

from collections.abc import Mapping
from dataclasses import dataclass

from guides import dataflow, steps, twins
from guides.dataflow import Edge, Graph, Node
from twin_runtime.roles import Cloud, Layer, Role
from twinspan.topology import Topology


@dataclass(frozen=True, slots=True)
class Flow:
    """A way of data through a layer. `edges` are those that it may consist of, in the order of its steps,
    each as the ids of source and target: of a twin it has those that are there.
    """

    id: str
    layer: Layer
    title: str
    edges: tuple[tuple[str, str], ...]
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """An edge with its number in the drawing, from 1, and what it does."""

    number: int
    edge: Edge
    sentence: str

    @property
    def optional(self) -> bool:
        return self.edge.optional


@dataclass(frozen=True, slots=True)
class Picture:
    """A flow as a twin has it, where `cloud` holds the flow's layer. `multi`: its neighbours are elsewhere.

    Draw it with `svg.drawings`.
    """

    flow: Flow
    cloud: Cloud
    multi: bool
    nodes: tuple[Node, ...]
    steps: tuple[Step, ...]

    @property
    def id(self) -> str:
        """Unique among pictures; letters, digits and '-'."""
        return f"{self.flow.id}-{self.cloud}-{'multi' if self.multi else 'single'}"


def _flow(id_: str, layer: Layer, title: str, *edges: str, optional: bool = False) -> Flow:
    pairs = tuple((source, target) for source, _, target in (edge.partition(" ") for edge in edges))
    return Flow(id_, layer, title, pairs, optional)


_FLOWS = (
    _flow(
        "telemetry",
        Layer.ACQUISITION,
        "Telemetry",
        "devices broker",
        "broker dispatcher",
        "dispatcher processing_queue",
        "dispatcher connector_queue",
        "connector_queue connector",
        "connector ingestion",
        "ingestion processing_queue",
        "processing_queue processor",
    ),
    _flow(
        "commands",
        Layer.ACQUISITION,
        "Commands to the devices",
        "event_checker commands_queue",
        "commands_queue event_feedback",
        "event_checker event_feedback",
        "event_feedback broker",
        "broker devices",
        optional=True,
    ),
    _flow(
        "process",
        Layer.PROCESSING,
        "Receive, process and store",
        "connector ingestion",
        "ingestion processing_queue",
        "dispatcher processing_queue",
        "processing_queue processor",
        "processor persisting_queue",
        "persisting_queue persister",
        "persister hot_store",
        "persister writer",
        "writer hot_store",
    ),
    _flow(
        "events",
        Layer.PROCESSING,
        "Events",
        "persister events_queue",
        "events_queue event_checker",
        "event_checker workflow",
        "event_checker commands_queue",
        "commands_queue event_feedback",
        "event_checker event_feedback",
        optional=True,
    ),
    _flow(
        "write",
        Layer.HOT_STORAGE,
        "Write",
        "persister hot_store",
        "persister writer",
        "writer hot_store",
    ),
    _flow(
        "read",
        Layer.HOT_STORAGE,
        "Read",
        "read_client hot_reader",
        "hot_store hot_reader",
        "cold_bucket hot_reader",
        "hot_reader cold_writer",
        "cold_bucket cold_writer",
    ),
    _flow(
        "cold",
        Layer.COLD_STORAGE,
        "Move to the cold tier",
        "hot_store cold_mover",
        "cold_mover cold_bucket",
        "cold_mover cold_writer",
        "cold_writer cold_bucket",
    ),
    _flow(
        "archive",
        Layer.ARCHIVE_STORAGE,
        "Move to the archive",
        "cold_bucket archive_bucket",
        "cold_bucket archive_mover",
        "archive_mover archive_writer",
        "archive_writer archive_bucket",
    ),
    _flow(
        "twin",
        Layer.TWIN_MANAGEMENT,
        "Twin graph",
        "hot_store twin_connector",
        "twin_connector hot_reader",
        "hot_store twin_sync",
        "twin_sync hot_reader",
        "hot_store hot_reader",
        "twin_connector twin_graph",
        "twin_sync twin_graph",
        "graph_client twin_reader",
        "twin_graph twin_reader",
    ),
    _flow(
        "dashboards",
        Layer.VISUALIZATION,
        "Dashboards",
        "dashboard_sync grafana",
        "grafana hot_reader",
        "hot_store hot_reader",
    ),
)
_READERS = (Role.HOT_READER.value, Role.TWIN_READER.value)
_BY_LAYER: Mapping[Layer, tuple[Flow, ...]] = {
    layer: tuple(flow for flow in _FLOWS if flow.layer is layer) for layer in Layer
}


def flows(layer: Layer) -> tuple[Flow, ...]:
    """The flows of a layer's section, the same for each cloud."""
    return _BY_LAYER[layer]


def draw(flow: Flow, cloud: Cloud, topology: Topology) -> Picture:
    """A flow as it is in a twin where `cloud` holds the flow's layer; ValueError when another does."""
    if topology.layers.get(flow.layer) is not cloud:
        raise ValueError(f"{flow.layer} of this twin is not in {cloud}")
    return _picture(flow, cloud, dataflow.graph(topology), multi=len(topology.clouds) > 1)


def single(flow: Flow, cloud: Cloud) -> Picture:
    """A flow in a twin that has all of its layers in one cloud."""
    return draw(flow, cloud, twins.topology(twins.SINGLE[cloud]))


def multi(flow: Flow, cloud: Cloud) -> Picture:
    """A flow in a twin that has its layer in `cloud` and that layer's neighbours in others."""
    return draw(flow, cloud, twins.topology(twins.spread_with(flow.layer, cloud)))


def _picture(flow: Flow, cloud: Cloud, graph: Graph, *, multi: bool) -> Picture:
    edges = {(edge.source, edge.target): edge for edge in graph.edges}
    here = [edges[pair] for pair in flow.edges if pair in edges]
    # What a reader reads belongs to the flow where something in it asks the reader.
    asked = {edge.target for edge in here if edge.reads}
    here = [edge for edge in here if edge.target not in _READERS or edge.target in asked]
    ends = {end for edge in here for end in (edge.source, edge.target)}
    nodes = tuple(node for node in graph.nodes if node.id in ends)
    numbered = tuple(
        Step(number, edge, steps.sentence(graph, edge)) for number, edge in enumerate(here, start=1)
    )
    return Picture(flow, cloud, multi, nodes, numbered)
