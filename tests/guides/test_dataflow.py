"""The data flow that is drawn is the one that is built: held against synthesized stacks."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from guides import dataflow, twins
from guides.dataflow import Edge, Graph
from support import wiring
from support.layouts import EVERY_LAYOUT, PARTIAL, SYNTHESIZED, Layout, twin_config
from support.synth import functions, stacks
from support.terraform_json import Stack
from twin_runtime.roles import Cloud, Layer, Role
from twinspan.topology import Topology

PLACEMENTS = (*twins.SINGLE.values(), *twins.SPREAD)
NAMES = ["-".join(placement.values()) for placement in PLACEMENTS]
ASKED_BY_PLATFORM = {("twin_connector", "twin_graph")}
"""TwinMaker calls the function, whose environment names no graph."""


def inside(graph: Graph, cloud: Cloud) -> list[Edge]:
    """The edges with both ends in a cloud."""
    here = {node.id for node in graph.nodes if node.cloud is cloud}
    return [edge for edge in graph.edges if edge.source in here and edge.target in here]


def check(graph: Graph, topology: Topology, found: Mapping[str, Stack]) -> None:
    """Hold the graph of a twin against its stacks."""
    for cloud in topology.clouds:
        stack = found[cloud]
        check_nodes(graph, stack, cloud)
        check_queues(graph, stack, cloud)
        check_uses(graph, stack, cloud)
    check_links(graph, topology, found)


def check_nodes(graph: Graph, stack: Stack, cloud: Cloud) -> None:
    nodes = [node for node in graph.nodes if node.cloud is cloud]
    built = {
        role: ((block.labels or {})["layer"], block.counted)
        for role, block in functions(stack, cloud).items()
    }
    assert {node.role: (node.layer, node.optional) for node in nodes if node.role} == built
    queues = {node.part: node.optional for node in nodes if node.kind == "queue"}
    assert queues == wiring.queues(stack, cloud)
    assert {node.part for node in nodes if node.kind == "bucket"} == wiring.tiers(stack, cloud)
    assert {node.id for node in nodes} & set(wiring.PARTS) == wiring.parts(stack, cloud)


def check_queues(graph: Graph, stack: Stack, cloud: Cloud) -> None:
    """What goes into queues and comes out of them."""
    edges = [edge for edge in inside(graph, cloud) if edge.kind == "queue"]
    into = {
        (edge.source, graph.node(edge.target).part)
        for edge in edges
        if graph.node(edge.target).kind == "queue"
    }
    out = {
        (graph.node(edge.source).part, edge.target)
        for edge in edges
        if graph.node(edge.source).kind == "queue"
    }
    assert len(into) + len(out) == len(edges)
    assert into == wiring.sends(stack, cloud)
    assert out == wiring.takes(stack, cloud)


def check_uses(graph: Graph, stack: Stack, cloud: Cloud) -> None:
    """What functions read, write, call and are called by inside their cloud."""
    edges = {(edge.source, edge.target) for edge in inside(graph, cloud) if edge.kind == "native"}
    called = {target for source, target in edges if source == "broker"}
    assert called == wiring.dispatched(stack, cloud)
    roles = {role.value for role in Role}
    pairs = {pair if pair[0] in roles else pair[::-1] for pair in edges if pair[0] != "broker"}
    assert pairs - ASKED_BY_PLATFORM == wiring.uses(stack, cloud)


def check_links(graph: Graph, topology: Topology, found: Mapping[str, Stack]) -> None:
    """What crosses clouds, and what has a public endpoint."""
    clouds = {node.id: node.cloud for node in graph.nodes}
    secrets: set[tuple[str, str]] = set()
    for edge in graph.edges:
        assert edge.remote == (edge.kind == "https" and clouds[edge.source] is not clouds[edge.target])
        if clouds[edge.source] is not clouds[edge.target]:
            assert edge.kind == "https" or edge.source == "devices" or edge.target == "devices"
        if edge.kind == "https" and topology.link(edge.link).signed:
            secrets |= {(edge.source, edge.link), (edge.target, edge.link)}
    linked = {pair for cloud in topology.clouds for pair in wiring.linked(found[cloud], cloud)}
    # dashboard_sync hands the key on to Grafana, and asks nobody itself.
    assert linked - {("dashboard_sync", "dashboards")} == secrets
    asked = {edge.target for edge in graph.edges if edge.kind == "https"}
    assert asked == {role for cloud in topology.clouds for role in wiring.public(found[cloud])}


@pytest.mark.parametrize("placement", [twins.SINGLE[Cloud.AZURE], twins.SPREAD[0]], ids=["single", "spread"])
def test_a_twin_is_drawn_as_it_is_built(placement: twins.Placement):
    topology = twins.topology(placement)
    check(dataflow.graph(topology), topology, twins.stacks(placement))


@pytest.mark.matrix
@pytest.mark.parametrize("placement", PLACEMENTS, ids=NAMES)
def test_each_twin_of_the_guides_is_drawn_as_it_is_built(placement: twins.Placement):
    topology = twins.topology(placement)
    check(dataflow.graph(topology), topology, twins.stacks(placement))


@pytest.mark.matrix
@pytest.mark.parametrize("layout", SYNTHESIZED, ids=str)
def test_every_synthesized_twin_is_drawn_as_it_is_built(layout: Layout):
    topology = Topology.of(twin_config(layout))
    check(dataflow.graph(topology), topology, stacks(layout))


@pytest.mark.matrix
@pytest.mark.parametrize("layout", PARTIAL, ids=str)
def test_a_twin_without_a_read_api_is_drawn_as_it_is_built(layout: Layout):
    topology = Topology.of(twin_config(layout, read_api=False))
    check(dataflow.graph(topology), topology, stacks(layout, read_api=False))


def test_an_edge_that_is_not_drawn_is_noticed():
    """Each by itself, apart from those of which the stacks say nothing that another edge does not say."""
    topology = twins.topology(twins.SPREAD[0])
    graph = dataflow.graph(topology)
    unnoticed = set()
    for edge in graph.edges:
        others = tuple(other for other in graph.edges if other is not edge)
        try:
            check(replace(graph, edges=others), topology, twins.stacks(twins.SPREAD[0]))
        except AssertionError:
            continue
        unnoticed.add((edge.source, edge.target))
    assert unnoticed == {
        ("devices", "broker"),
        ("broker", "devices"),
        # One variable says that the bucket is used, whether for reading or writing.
        ("cold_writer", "cold_bucket"),
        ("cold_bucket", "cold_writer"),
        # TwinMaker calls the connector.
        ("twin_connector", "twin_graph"),
        # hot_reader is asked by others too.
        ("grafana", "hot_reader"),
        ("read_client", "hot_reader"),
    }


def test_nothing_else_can_be_in_a_twin():
    """The drawing of all has room for each of the 2,187 placements."""
    whole = dataflow.everything()
    nodes = {node.id: (node.kind, node.layer, node.optional, node.role) for node in whole.nodes}
    edges = {edge.key: (edge.link, edge.optional, edge.reads) for edge in whole.edges}
    seen: set[str] = set()
    for layout in EVERY_LAYOUT:
        clouds = dict(zip(Layer, layout, strict=True))
        found = dataflow.graph(Topology({layer: cloud for layer, cloud in clouds.items() if cloud}))
        for node in found.nodes:
            assert nodes[node.id] == (node.kind, node.layer, node.optional, node.role)
        for edge in found.edges:
            assert edges[edge.key] == (edge.link, edge.optional, edge.reads)
        seen |= {node.id for node in found.nodes} | {edge.key for edge in found.edges}
    assert seen == set(nodes) | set(edges)


def test_ids_are_unique_and_edges_have_ends():
    for placement in PLACEMENTS:
        graph = dataflow.graph(twins.topology(placement))
        ids = [node.id for node in graph.nodes]
        assert len(set(ids)) == len(ids)
        assert len({edge.key for edge in graph.edges}) == len(graph.edges)
        ends = {end for edge in graph.edges for end in (edge.source, edge.target)}
        assert ends == set(ids)


def test_every_link_is_an_edge_of_the_data_flow():
    for placement in PLACEMENTS:
        topology = twins.topology(placement)
        edges = dataflow.graph(topology).edges
        assert {edge.link for edge in edges if edge.link} == {link.name for link in topology.links}


def test_an_unknown_node_is_an_error():
    with pytest.raises(KeyError):
        dataflow.graph(twins.topology(twins.SPREAD[0])).node("nowhere")
