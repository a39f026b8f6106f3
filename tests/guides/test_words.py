"""Every part of a twin has a name in each cloud, every role and link a sentence."""

import re

import pytest

from guides import dataflow, twins, words
from twin_runtime.roles import ROLES, Cloud, Layer, Role

NODES = dataflow.everything().nodes


@pytest.mark.parametrize("cloud", Cloud)
def test_every_node_is_named_in_each_cloud(cloud: Cloud):
    for node in NODES:
        assert node.title
        if node.cloud is not None:
            assert node.service(cloud), node.id
    names = {role: words.function(role, cloud) for role in Role}
    assert len(set(names.values())) == len(Role)
    assert all(name.endswith(words.FUNCTION[cloud]) for name in names.values())


def test_every_role_and_link_has_a_sentence():
    links = {link.name for placement in twins.SPREAD for link in twins.topology(placement).links}
    assert set(words.LINKS) == links
    sentences = [spec.does for spec in ROLES.values()]
    for link in words.LINKS.values():
        sentences += [text for text in (link.sentence, link.inside, link.between) if text]
    for sentence in sentences:
        assert re.fullmatch(r"[A-Z].*[a-z0-9_]\.", sentence), sentence
    assert len(set(sentences)) == len(sentences)


def test_a_table_has_each_cloud_and_layer():
    tables = [value for value in vars(words).values() if isinstance(value, dict) and Cloud.AWS in value]
    assert len(tables) >= 4
    for table in (*tables, *words.SERVICES.values()):
        assert list(table) == list(Cloud)
        assert all(table.values())
    assert list(words.LAYERS) == list(Layer)
    assert [words.short(layer) for layer in Layer] == [
        "L1",
        "L2",
        "L3 Hot",
        "L3 Cold",
        "L3 Archive",
        "L4",
        "L5",
    ]


def test_a_name_says_what_it_is_made_of():
    graph = dataflow.graph(twins.topology(twins.SPREAD[0]))
    said = {node.id: node.name for node in graph.nodes}
    assert said["dispatcher"] == "Dispatcher Lambda"
    assert said["hot_reader"] == "Hot Reader Cloud Run function"
    assert said["hot_store"] == "hot store (Firestore)"
    assert said["processing_queue"] == "processing queue (Storage queue)"
    assert said["grafana"] == "Amazon Managed Grafana"
    assert said["devices"] == "devices"
