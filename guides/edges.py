"""The edges of a twin's data flow, from the topology alone."""

from collections.abc import Iterator
from typing import Literal

from twin_runtime.roles import Role
from twinspan.topology import Topology

EdgeKind = Literal["native", "queue", "https", "lifecycle"]
"""`native`: a call or trigger of the platform inside a cloud. `queue`: into or out of a queue. `https`: to a
public endpoint, with an API key, and signed where both ends are functions of the twin. `lifecycle`: a rule of
the bucket moves the files."""

Line = tuple[str, str, EdgeKind, str, bool]
"""Ids of source and target, kind, name of the link, and whether the data comes back with the answer."""


def lines(topology: Topology) -> Iterator[Line]:
    """Every edge of a twin, in the order of the data."""
    yield from _telemetry(topology)
    yield from _processing(topology)
    yield from _feedback(topology)
    yield from _tiers(topology)
    yield from _reads(topology)


def _telemetry(topology: Topology) -> Iterator[Line]:
    yield "devices", "broker", "native", "", False
    yield "broker", Role.DISPATCHER.value, "native", "", False
    if not topology.link("telemetry").remote:
        yield Role.DISPATCHER.value, "processing_queue", "queue", "telemetry", False
        return
    yield Role.DISPATCHER.value, "connector_queue", "queue", "", False
    yield "connector_queue", Role.CONNECTOR.value, "queue", "", False
    yield Role.CONNECTOR.value, Role.INGESTION.value, "https", "telemetry", False
    yield Role.INGESTION.value, "processing_queue", "queue", "", False


def _processing(topology: Topology) -> Iterator[Line]:
    yield "processing_queue", Role.PROCESSOR.value, "queue", "", False
    yield Role.PROCESSOR.value, "persisting_queue", "queue", "", False
    yield "persisting_queue", Role.PERSISTER.value, "queue", "", False
    if topology.link("write").remote:
        yield Role.PERSISTER.value, Role.WRITER.value, "https", "write", False
        yield Role.WRITER.value, "hot_store", "native", "", False
    else:
        yield Role.PERSISTER.value, "hot_store", "native", "write", False


def _feedback(topology: Topology) -> Iterator[Line]:
    checker, feedback = Role.EVENT_CHECKER.value, Role.EVENT_FEEDBACK.value
    yield Role.PERSISTER.value, "events_queue", "queue", "", False
    yield "events_queue", checker, "queue", "", False
    yield checker, "workflow", "native", "", False
    if topology.link("feedback").remote:
        yield checker, feedback, "https", "feedback", False
    else:
        yield checker, "commands_queue", "queue", "feedback", False
        yield "commands_queue", feedback, "queue", "", False
    yield feedback, "broker", "native", "", False
    yield "broker", "devices", "native", "", False


def _tiers(topology: Topology) -> Iterator[Line]:
    links = {link.name: link for link in topology.links}
    if "cold" in links:
        yield "hot_store", Role.COLD_MOVER.value, "native", "", False
        if links["cold"].remote:
            yield Role.COLD_MOVER.value, Role.COLD_WRITER.value, "https", "cold", False
            yield Role.COLD_WRITER.value, "cold_bucket", "native", "", False
        else:
            yield Role.COLD_MOVER.value, "cold_bucket", "native", "cold", False
    if "archive" in links:
        if links["archive"].remote:
            yield "cold_bucket", Role.ARCHIVE_MOVER.value, "native", "", False
            yield Role.ARCHIVE_MOVER.value, Role.ARCHIVE_WRITER.value, "https", "archive", False
            yield Role.ARCHIVE_WRITER.value, "archive_bucket", "native", "", False
        else:
            yield "cold_bucket", "archive_bucket", "lifecycle", "archive", False


def _reads(topology: Topology) -> Iterator[Line]:
    links, reader = {link.name: link for link in topology.links}, Role.HOT_READER.value
    if Role.HOT_READER in topology.roles:
        yield "hot_store", reader, "native", "", False
        if "cold" in links and links["cold"].remote:
            # The cold tier's own writer answers it, over the link that the mover has.
            yield reader, Role.COLD_WRITER.value, "https", "cold", True
            yield "cold_bucket", Role.COLD_WRITER.value, "native", "", False
        elif "cold" in links:
            yield "cold_bucket", reader, "native", "cold", False
    if "twin" in links:
        feeder = links["twin"].sender
        assert feeder is not None  # a twin of ours reads the store
        if links["twin"].remote:
            yield feeder.value, reader, "https", "twin", True
        else:
            yield "hot_store", feeder.value, "native", "twin", False
        yield feeder.value, "twin_graph", "native", "", False
        if feeder is not Role.TWIN_SYNC:
            yield Role.TWIN_SYNC.value, "twin_graph", "native", "", False
    if "dashboards" in links:
        yield "grafana", reader, "https", "dashboards", True
        if Role.DASHBOARD_SYNC in topology.roles:
            yield Role.DASHBOARD_SYNC.value, "grafana", "native", "", False
    if "read" in links:
        yield "read_client", reader, "https", "read", True
    if "graph" in links:
        yield "twin_graph", Role.TWIN_READER.value, "native", "", False
        yield "graph_client", Role.TWIN_READER.value, "https", "graph", True
