"""The flows that a guide shows of each layer, the same in each cloud, as parts of a twin's data flow."""

from dataclasses import dataclass
from itertools import pairwise

from guides import dataflow, twins
from guides.dataflow import Edge, Graph, Node, steps
from twin_runtime.roles import READERS, Cloud, Layer


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


def _flow(id_: str, layer: Layer, title: str, *chains: str, optional: bool = False) -> Flow:
    edges = (pair for chain in chains for pair in pairwise(chain.split(" > ")))
    return Flow(id_, layer, title, tuple(edges), optional)


_FLOWS = (
    _flow(
        "telemetry",
        Layer.ACQUISITION,
        "Telemetry",
        "devices > broker > dispatcher > processing_queue",
        "dispatcher > connector_queue > connector > ingestion > processing_queue > processor",
    ),
    _flow(
        "commands",
        Layer.ACQUISITION,
        "Commands to the devices",
        "event_checker > commands_queue > event_feedback",
        "event_checker > event_feedback > broker > devices",
        optional=True,
    ),
    _flow(
        "process",
        Layer.PROCESSING,
        "Receive, process and store",
        "connector > ingestion > processing_queue",
        "dispatcher > processing_queue > processor > persisting_queue > persister > hot_store",
        "persister > writer > hot_store",
    ),
    _flow(
        "events",
        Layer.PROCESSING,
        "Events",
        "persister > events_queue > event_checker > workflow",
        "event_checker > commands_queue > event_feedback",
        "event_checker > event_feedback",
        optional=True,
    ),
    _flow("write", Layer.HOT_STORAGE, "Write", "persister > hot_store", "persister > writer > hot_store"),
    _flow(
        "read",
        Layer.HOT_STORAGE,
        "Read",
        "read_client > hot_reader",
        "hot_store > hot_reader",
        "cold_bucket > hot_reader > cold_writer",
        "cold_bucket > cold_writer",
    ),
    _flow(
        "cold",
        Layer.COLD_STORAGE,
        "Move to the cold tier",
        "hot_store > cold_mover > cold_bucket",
        "cold_mover > cold_writer > cold_bucket",
    ),
    _flow(
        "archive",
        Layer.ARCHIVE_STORAGE,
        "Move to the archive",
        "cold_bucket > archive_bucket",
        "cold_bucket > archive_mover > archive_writer > archive_bucket",
    ),
    _flow(
        "twin",
        Layer.TWIN_MANAGEMENT,
        "Twin graph",
        "hot_store > twin_connector > hot_reader",
        "hot_store > twin_sync > hot_reader",
        "hot_store > hot_reader",
        "twin_connector > twin_graph",
        "twin_sync > twin_graph",
        "graph_client > twin_reader",
        "twin_graph > twin_reader",
    ),
    _flow(
        "dashboards",
        Layer.VISUALIZATION,
        "Dashboards",
        "dashboard_sync > grafana > hot_reader",
        "hot_store > hot_reader",
    ),
)


def flows(layer: Layer) -> tuple[Flow, ...]:
    """The flows of a layer's section, the same for each cloud."""
    return tuple(flow for flow in _FLOWS if flow.layer is layer)


def pairs(layer: Layer, cloud: Cloud) -> tuple[tuple[Picture, Picture], ...]:
    """The flows of a layer's section, each in a twin that has all of its layers in one cloud, and in one that
    has the layer in `cloud` and its neighbours in others.
    """
    placements = (twins.SINGLE[cloud], twins.spread_with(layer, cloud))
    alone, spread = (dataflow.graph(twins.topology(placement)) for placement in placements)
    return tuple(
        (_picture(flow, cloud, alone, multi=False), _picture(flow, cloud, spread, multi=True))
        for flow in flows(layer)
    )


def _picture(flow: Flow, cloud: Cloud, graph: Graph, *, multi: bool) -> Picture:
    edges = {(edge.source, edge.target): edge for edge in graph.edges}
    here = [edges[pair] for pair in flow.edges if pair in edges]
    # What a reader reads belongs to the flow where something in it asks the reader.
    asked = {edge.target for edge in here if edge.reads}
    here = [edge for edge in here if edge.target not in READERS or edge.target in asked]
    ends = {end for edge in here for end in (edge.source, edge.target)}
    nodes = tuple(node for node in graph.nodes if node.id in ends)
    numbered = tuple(
        Step(number, edge, steps.sentence(graph, edge)) for number, edge in enumerate(here, start=1)
    )
    return Picture(flow, cloud, multi, nodes, numbered)
