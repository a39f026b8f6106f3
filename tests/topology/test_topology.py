"""What runs where, and which links cross clouds."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinspan.topology import Topology
from twinspan.vocabulary import Cloud, Layer, Role

AWS, AZURE, GCP = Cloud


def topology(l1: Cloud, l2: Cloud, l3: Cloud, *, read_api: bool = True) -> Topology:
    layers = {Layer.ACQUISITION: l1, Layer.PROCESSING: l2, Layer.HOT_STORAGE: l3}
    return Topology(layers, read_api=read_api)


ALL = [
    topology(*clouds, read_api=read_api) for clouds in product(Cloud, repeat=3) for read_api in (True, False)
]
any_topology = st.sampled_from(ALL)


def test_single_cloud_has_one_stack_and_only_local_links() -> None:
    twin = topology(AWS, AWS, AWS, read_api=False)
    assert twin.stacks == ("aws",)
    assert not any(link.remote for link in twin.links)
    assert set(twin.roles) == {
        Role.DISPATCHER,
        Role.PROCESSOR,
        Role.PERSISTER,
        Role.EVENT_CHECKER,
        Role.EVENT_FEEDBACK,
    }


def test_three_clouds() -> None:
    twin = topology(AWS, AZURE, GCP)
    assert twin.stacks == ("aws", "azure", "gcp", "links")
    assert [(link.name, link.sender, link.receiver) for link in twin.links] == [
        ("telemetry", Role.CONNECTOR, Role.INGESTION),
        ("write", Role.PERSISTER, Role.WRITER),
        ("feedback", Role.EVENT_CHECKER, Role.EVENT_FEEDBACK),
        ("read", None, Role.HOT_READER),
    ]
    assert twin.receivers_in(AWS) == (Role.EVENT_FEEDBACK,)
    assert twin.receivers_in(AZURE) == (Role.INGESTION,)
    assert twin.receivers_in(GCP) == (Role.WRITER, Role.HOT_READER)


def test_cycle_sends_both_ways() -> None:
    twin = topology(AWS, AZURE, AWS)
    assert twin.stacks == ("aws", "azure", "links")
    directions = {(link.sender_cloud, link.receiver_cloud) for link in twin.signed_links}
    assert directions == {(AWS, AZURE), (AZURE, AWS)}


def test_read_api_alone_needs_no_links_stack() -> None:
    twin = topology(GCP, GCP, GCP, read_api=True)
    assert twin.stacks == ("gcp",)
    assert twin.receivers_in(GCP) == (Role.HOT_READER,)
    assert twin.link_of(Role.HOT_READER) is None


def test_unknown_link_is_an_error() -> None:
    with pytest.raises(KeyError):
        topology(AWS, AWS, AWS, read_api=False).link("read")


@given(any_topology)
def test_a_link_is_remote_exactly_when_its_layers_are_in_two_clouds(twin: Topology) -> None:
    for link in twin.links:
        if link.target is not None:
            assert link.remote == (twin.layers[link.source] is not twin.layers[link.target])


@given(any_topology)
def test_a_remote_link_has_one_sender_and_one_receiver_where_their_layers_are(twin: Topology) -> None:
    for link in twin.signed_links:
        assert link.sender is not None
        assert link.receiver is not None
        assert twin.roles[link.sender] is link.sender_cloud
        assert twin.roles[link.receiver] is link.receiver_cloud
        assert twin.link_of(link.sender) is link
        assert twin.link_of(link.receiver) is link


@given(any_topology)
def test_what_only_remote_links_need_is_absent_without_them(twin: Topology) -> None:
    remote = {link.name for link in twin.links if link.remote}
    assert (Role.CONNECTOR in twin.roles) == (Role.INGESTION in twin.roles) == ("telemetry" in remote)
    assert (Role.WRITER in twin.roles) == ("write" in remote)
    assert ("links" in twin.stacks) == bool(remote - {"read"})


@given(any_topology)
def test_every_role_is_deployed_once_and_every_cloud_in_use_has_a_stack(twin: Topology) -> None:
    assert set(twin.roles.values()) == set(twin.clouds) == {Cloud(s) for s in twin.stacks if s != "links"}
    assert {Role.DISPATCHER, Role.PROCESSOR, Role.PERSISTER, Role.EVENT_CHECKER, Role.EVENT_FEEDBACK} <= set(
        twin.roles
    )


@given(any_topology)
def test_receivers_are_the_receiving_ends_of_remote_links(twin: Topology) -> None:
    expected = {link.receiver for link in twin.links if link.remote}
    assert {role for cloud in twin.clouds for role in twin.receivers_in(cloud)} == expected
    assert all(twin.is_receiver(role) == (role in expected) for role in Role)
