"""The edges of a twin's data flow, from the topology alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from twin_runtime.roles import Role
from twinspan.topology import Topology

EdgeKind = Literal["native", "queue", "https", "lifecycle"]
"""`native`: a call or trigger of the platform inside a cloud. `queue`: into or out of a queue. `https`: to a
public endpoint, with an API key, and signed where both ends are functions of the twin. `lifecycle`: a rule of
the bucket moves the files."""


@dataclass(frozen=True, slots=True)
class Edge:
    """Data goes from `source` to `target`; over HTTPS requests go that way, and where `reads` is true the
    data comes back with the answer.

    `link` is the topology's link that the edge is part of; empty for what stays inside a layer.
    """

    source: str
    target: str
    kind: EdgeKind
    link: str = ""
    remote: bool = False
    optional: bool = False
    reads: bool = False

    @property
    def key(self) -> str:
        """Unique in a twin, and the same in every twin that has the edge."""
        return f"{self.source}:{self.target}:{self.kind}"


def edges(topology: Topology) -> Iterator[Edge]:
    """Every edge of a twin, in the order of the data, whether it is remote or optional apart."""
    yield from _telemetry(topology)
    yield from _processing(topology)
    yield from _feedback(topology)
    yield from _tiers(topology)
    yield from _reads(topology)


def _telemetry(topology: Topology) -> Iterator[Edge]:
    yield Edge("devices", "broker", "native")
    yield Edge("broker", Role.DISPATCHER, "native")
    if not topology.link("telemetry").remote:
        yield Edge(Role.DISPATCHER, "processing_queue", "queue", "telemetry")
        return
    yield Edge(Role.DISPATCHER, "connector_queue", "queue")
    yield Edge("connector_queue", Role.CONNECTOR, "queue")
    yield Edge(Role.CONNECTOR, Role.INGESTION, "https", "telemetry")
    yield Edge(Role.INGESTION, "processing_queue", "queue")


def _processing(topology: Topology) -> Iterator[Edge]:
    yield Edge("processing_queue", Role.PROCESSOR, "queue")
    yield Edge(Role.PROCESSOR, "persisting_queue", "queue")
    yield Edge("persisting_queue", Role.PERSISTER, "queue")
    if topology.link("write").remote:
        yield Edge(Role.PERSISTER, Role.WRITER, "https", "write")
        yield Edge(Role.WRITER, "hot_store", "native")
    else:
        yield Edge(Role.PERSISTER, "hot_store", "native", "write")


def _feedback(topology: Topology) -> Iterator[Edge]:
    checker, feedback = Role.EVENT_CHECKER, Role.EVENT_FEEDBACK
    yield Edge(Role.PERSISTER, "events_queue", "queue")
    yield Edge("events_queue", checker, "queue")
    yield Edge(checker, "workflow", "native")
    if topology.link("feedback").remote:
        yield Edge(checker, feedback, "https", "feedback")
    else:
        yield Edge(checker, "commands_queue", "queue", "feedback")
        yield Edge("commands_queue", feedback, "queue")
    yield Edge(feedback, "broker", "native")
    yield Edge("broker", "devices", "native")


def _tiers(topology: Topology) -> Iterator[Edge]:
    links = {link.name: link for link in topology.links}
    if "cold" in links:
        yield Edge("hot_store", Role.COLD_MOVER, "native")
        if links["cold"].remote:
            yield Edge(Role.COLD_MOVER, Role.COLD_WRITER, "https", "cold")
            yield Edge(Role.COLD_WRITER, "cold_bucket", "native")
        else:
            yield Edge(Role.COLD_MOVER, "cold_bucket", "native", "cold")
    if "archive" in links:
        if links["archive"].remote:
            yield Edge("cold_bucket", Role.ARCHIVE_MOVER, "native")
            yield Edge(Role.ARCHIVE_MOVER, Role.ARCHIVE_WRITER, "https", "archive")
            yield Edge(Role.ARCHIVE_WRITER, "archive_bucket", "native")
        else:
            yield Edge("cold_bucket", "archive_bucket", "lifecycle", "archive")


def _reads(topology: Topology) -> Iterator[Edge]:
    links, reader = {link.name: link for link in topology.links}, Role.HOT_READER
    if Role.HOT_READER in topology.roles:
        yield Edge("hot_store", reader, "native")
        if "cold" in links and links["cold"].remote:
            # The cold tier's own writer answers it, over the link that the mover has.
            yield Edge(reader, Role.COLD_WRITER, "https", "cold", reads=True)
            yield Edge("cold_bucket", Role.COLD_WRITER, "native")
        elif "cold" in links:
            yield Edge("cold_bucket", reader, "native", "cold")
    if "twin" in links:
        feeder = links["twin"].sender
        assert feeder is not None  # a twin of ours reads the store
        if links["twin"].remote:
            yield Edge(feeder, reader, "https", "twin", reads=True)
        else:
            yield Edge("hot_store", feeder, "native", "twin")
        yield Edge(feeder, "twin_graph", "native")
        if feeder is not Role.TWIN_SYNC:
            yield Edge(Role.TWIN_SYNC, "twin_graph", "native")
    if "dashboards" in links:
        yield Edge("grafana", reader, "https", "dashboards", reads=True)
        if Role.DASHBOARD_SYNC in topology.roles:
            yield Edge(Role.DASHBOARD_SYNC, "grafana", "native")
    if "read" in links:
        yield Edge("read_client", reader, "https", "read", reads=True)
    if "graph" in links:
        yield Edge("twin_graph", Role.TWIN_READER, "native")
        yield Edge("graph_client", Role.TWIN_READER, "https", "graph", reads=True)
