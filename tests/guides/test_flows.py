"""The flows of the guides: the same for each cloud, complete, each edge with its step."""

import re
from itertools import chain

import pytest

from guides import dataflow, twins, words
from guides.dataflow import flows, steps
from twin_runtime.roles import Cloud, Layer

EVERY = [flow for layer in Layer for flow in flows.flows(layer)]


def pictures(flow: flows.Flow) -> list[flows.Picture]:
    """A flow in each cloud, alone and between clouds."""
    return [picture for cloud in Cloud for picture in pair(flow, cloud)]


def pair(flow: flows.Flow, cloud: Cloud) -> tuple[flows.Picture, flows.Picture]:
    """Alone, and between clouds."""
    return next(found for found in flows.pairs(flow.layer, cloud) if found[0].flow is flow)


def test_each_layer_has_its_flows():
    assert {layer.value: [flow.id for flow in flows.flows(layer)] for layer in Layer} == {
        "acquisition": ["telemetry", "commands"],
        "processing": ["process", "events"],
        "hot_storage": ["write", "read"],
        "cold_storage": ["cold"],
        "archive_storage": ["archive"],
        "twin_management": ["twin"],
        "visualization": ["dashboards"],
    }


def test_every_edge_of_the_twins_is_in_a_flow():
    shown = {step.edge.key for flow in EVERY for picture in pictures(flow) for step in picture.steps}
    assert shown == {edge.key for edge in dataflow.everything().edges}


def test_a_flow_names_edges_that_there_are():
    known = {(edge.source, edge.target) for edge in dataflow.everything().edges}
    for flow in EVERY:
        assert set(flow.edges) <= known
        assert len(set(flow.edges)) == len(flow.edges)


@pytest.mark.parametrize("flow", EVERY, ids=lambda flow: flow.id)
def test_steps_are_numbered_and_their_ends_are_drawn(flow: flows.Flow):
    for picture in pictures(flow):
        assert [step.number for step in picture.steps] == list(range(1, len(picture.steps) + 1))
        assert picture.steps, picture.id
        ends = set(chain.from_iterable((step.edge.source, step.edge.target) for step in picture.steps))
        assert {node.id for node in picture.nodes} == ends
        assert {step.optional for step in picture.steps} == {flow.optional}


@pytest.mark.parametrize("flow", EVERY, ids=lambda flow: flow.id)
def test_between_clouds_something_goes_over_https(flow: flows.Flow):
    for cloud in Cloud:
        inside, between = pair(flow, cloud)
        assert (inside.multi, between.multi) == (False, True)
        clouds = {node.cloud for node in inside.nodes} - {None}
        assert clouds == {cloud}
        elsewhere = {node.cloud for node in between.nodes} - {None, cloud}
        assert elsewhere
        crossing = [step for step in between.steps if step.edge.remote]
        assert crossing
        assert {step.edge.kind for step in crossing} == {"https"}
        here = {node.id for node in between.nodes if node.cloud is cloud and node.layer is flow.layer}
        assert here


def test_pictures_have_ids_of_their_own():
    ids = [picture.id for flow in EVERY for picture in pictures(flow)]
    assert len(set(ids)) == len(ids) == 60
    assert all(re.fullmatch(r"[a-z-]+", id_) for id_ in ids)


def test_a_step_says_what_is_at_its_ends():
    """A step names what it leads to, or what it comes from; one that crosses clouds names the other."""
    for flow in EVERY:
        for picture in pictures(flow):
            nodes = {node.id: node for node in picture.nodes}
            for step in picture.steps:
                ends = [nodes[step.edge.source], nodes[step.edge.target]]
                assert re.fullmatch(r"[A-Z][^{}]*[a-z0-9)]\.", step.sentence), step.sentence
                outside = [end for end in ends if end.cloud is None]
                assert outside or any(end.name in step.sentence for end in ends), step.sentence
                target = ends[1].cloud
                if step.edge.remote and not outside:
                    assert target is not None
                    assert f"in {words.CLOUDS[target]}" in step.sentence
                if step.edge.kind == "https":
                    assert "key" in step.sentence
                    signed = not outside and ends[0].role is not None
                    assert ("signature" in step.sentence) == signed


def test_every_edge_has_a_sentence_in_each_cloud_that_can_hold_it():
    for placement in (*twins.SINGLE.values(), *twins.SPREAD):
        graph = dataflow.graph(twins.topology(placement))
        for edge in graph.edges:
            assert steps.sentence(graph, edge)


def test_what_a_reader_reads_is_shown_where_it_is_asked():
    (flow,) = flows.flows(Layer.TWIN_MANAGEMENT)
    single, multi = pair(flow, Cloud.GCP)
    assert "hot_reader" not in {node.id for node in single.nodes}
    assert "hot_reader" in {node.id for node in multi.nodes}
