"""What runs where, and which links cross clouds."""

from dataclasses import replace
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.layouts import CLOUDS, COVERING, EVERY_LAYOUT, PARTIAL, Layout, twin_config
from twin_runtime.roles import ROLES, Cloud, Layer, Role
from twinspan import twinfile
from twinspan.topology import Link, Topology

AWS, AZURE, GCP = Cloud


def topology(*clouds: Cloud | None, read_api: bool = True) -> Topology:
    """`clouds` in the order of the layers; None, or nothing, leaves a layer out."""
    layers = {layer: cloud for layer, cloud in zip(Layer, clouds, strict=False) if cloud is not None}
    return Topology(layers, read_api=read_api)


ALL = [
    topology(*layout, read_api=read_api) for layout in (*EVERY_LAYOUT, *PARTIAL) for read_api in (True, False)
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


@pytest.mark.parametrize("cloud", list(Cloud))
def test_all_seven_layers_in_one_cloud_have_one_stack(cloud: Cloud) -> None:
    twin = topology(*[cloud] * 7)
    assert twin.stacks == (cloud,)
    assert not twin.wired_links
    assert twin.receivers_in(cloud) == (Role.HOT_READER, Role.TWIN_READER)
    assert not {Role.COLD_WRITER, Role.ARCHIVE_MOVER, Role.ARCHIVE_WRITER} & twin.roles.keys()


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


def test_seven_layers_in_three_clouds() -> None:
    twin = topology(AWS, AZURE, GCP, AWS, AZURE, GCP, AZURE)
    assert [(link.name, link.sender, link.receiver, link.remote, link.signed) for link in twin.links[3:]] == [
        ("cold", Role.COLD_MOVER, Role.COLD_WRITER, True, True),
        ("archive", Role.ARCHIVE_MOVER, Role.ARCHIVE_WRITER, True, True),
        ("twin", Role.TWIN_SYNC, None, False, False),
        ("dashboards", Role.DASHBOARD_SYNC, Role.HOT_READER, True, False),
        ("read", None, Role.HOT_READER, True, False),
        ("graph", None, Role.TWIN_READER, True, False),
    ]
    assert twin.receivers_in(AWS) == (Role.EVENT_FEEDBACK, Role.COLD_WRITER)
    assert twin.receivers_in(AZURE) == (Role.INGESTION, Role.ARCHIVE_WRITER)


def test_cold_and_archive_in_one_cloud_need_no_function() -> None:
    twin = topology(AWS, AWS, AZURE, GCP, GCP)
    assert twin.link("archive").sender is twin.link("archive").receiver is None
    assert not {Role.ARCHIVE_MOVER, Role.ARCHIVE_WRITER} & twin.roles.keys()


@pytest.mark.parametrize("cloud", list(Cloud))
def test_what_a_cloud_lacks_is_listed_and_never_deployed_there(cloud: Cloud) -> None:
    for twin in ALL:
        for role, where in twin.roles.items():
            assert where not in ROLES[role].absent, role


def test_cycle_sends_both_ways() -> None:
    twin = topology(AWS, AZURE, AWS)
    assert twin.stacks == ("aws", "azure", "links")
    directions = {(link.sender_cloud, link.receiver_cloud) for link in twin.wired_links}
    assert directions == {(AWS, AZURE), (AZURE, AWS)}


def test_read_api_alone_needs_no_links_stack() -> None:
    twin = topology(GCP, GCP, GCP, read_api=True)
    assert twin.stacks == ("gcp",)
    assert twin.receivers_in(GCP) == (Role.HOT_READER,)
    assert twin.link_of(Role.HOT_READER) is None


def test_dashboards_of_another_cloud_need_links_and_one_secret() -> None:
    twin = topology(GCP, GCP, GCP, None, None, None, AWS, read_api=False)
    assert twin.stacks == ("aws", "gcp", "links")
    (link,) = twin.wired_links
    assert not link.signed
    assert twin.link_secrets_in(AWS) == (link,)
    assert twin.link_secrets_in(GCP) == ()


def test_dashboards_read_by_key_even_in_one_cloud() -> None:
    """Grafana finds hot_reader at its endpoint, also where nobody else may."""
    twin = topology(AWS, AWS, AWS, None, None, None, AWS, read_api=False)
    assert twin.receivers_in(AWS) == (Role.HOT_READER,)
    assert twin.stacks == ("aws",)
    assert [link.name for link in twin.link_secrets_in(AWS)] == ["dashboards"]


def test_unknown_link_is_an_error() -> None:
    with pytest.raises(KeyError):
        topology(AWS, AWS, AWS, read_api=False).link("read")


@pytest.mark.parametrize("events", [True, False], ids=["events", "no-events"])
def test_every_combination_is_a_valid_twin(events: bool) -> None:
    """All 2,187: a configuration that loads, names that the clouds take, links whose ends are deployed."""
    assert len(set(EVERY_LAYOUT)) == 3**7
    for layout in EVERY_LAYOUT:
        config = twin_config(layout, events=events)
        assert config.events.enabled is events
        twin = Topology.of(config)
        assert (twin, twin.idle) == (replace(topology(*layout), entries=twin.clouds), ())
        check(twin)
        if layout in COVERING:
            assert not list(twinfile.name_problems(config)), layout


def check(twin: Topology) -> None:
    """What every topology fulfils."""
    assert set(twin.roles.values()) <= set(twin.clouds) == {Cloud(s) for s in twin.stacks if s != "links"}
    assert len({link.name for link in twin.links}) == len(twin.links)
    for link in twin.links:
        check_link(twin, link)
    secrets = [link for cloud in Cloud for link in twin.link_secrets_in(cloud)]
    assert sum(2 if link.signed else 1 for link in twin.wired_links) == len(
        [link for link in secrets if link.remote]
    )


def check_link(twin: Topology, link: Link) -> None:
    for role, cloud in ((link.sender, link.sender_cloud), (link.receiver, link.receiver_cloud)):
        assert role is None or twin.roles[role] is cloud
    if link.target is not None:
        assert link.remote == (twin.layers[link.source] is not twin.layers[link.target])
    if link.signed:
        assert link.sender is not None
        assert link.receiver is not None
        assert twin.link_of(link.sender) == twin.link_of(link.receiver) == link
    assert link.receiver is None or twin.is_receiver(link.receiver) >= link.public


@pytest.mark.parametrize("columns", list(combinations(range(7), 3)), ids=str)
def test_the_covering_array_has_every_triple(columns: tuple[int, ...]) -> None:
    found = {tuple(layout[column] for column in columns) for layout in COVERING}
    assert found == set(product(Cloud, repeat=3))


@given(any_topology)
def test_topologies_hold_together(twin: Topology) -> None:
    check(twin)


@given(any_topology)
def test_what_only_remote_links_need_is_absent_without_them(twin: Topology) -> None:
    remote = {link.name for link in twin.links if link.remote}
    assert (Role.CONNECTOR in twin.roles) == (Role.INGESTION in twin.roles) == ("telemetry" in remote)
    assert (Role.WRITER in twin.roles) == ("write" in remote)
    assert (Role.COLD_WRITER in twin.roles) == ("cold" in remote)
    assert (Role.ARCHIVE_WRITER in twin.roles) == (Role.ARCHIVE_MOVER in twin.roles) == ("archive" in remote)
    assert ("links" in twin.stacks) == bool(remote - {"read", "graph"})


@given(any_topology)
def test_every_twin_has_the_roles_of_its_events(twin: Topology) -> None:
    assert {Role.DISPATCHER, Role.PROCESSOR, Role.PERSISTER, Role.EVENT_CHECKER, Role.EVENT_FEEDBACK} <= set(
        twin.roles
    )


@given(any_topology)
def test_receivers_are_the_receiving_ends_of_public_links(twin: Topology) -> None:
    expected = {link.receiver for link in twin.links if link.public}
    assert {role for cloud in twin.clouds for role in twin.receivers_in(cloud)} == expected
    assert all(twin.is_receiver(role) == (role in expected) for role in Role)


def test_a_cloud_without_a_layer_keeps_a_stack_while_its_entry_is_there() -> None:
    twin = Topology(dict.fromkeys(list(Layer)[:3], GCP), entries=(AWS, GCP))
    assert (twin.clouds, twin.idle, twin.stacks) == ((GCP,), (AWS,), ("aws", "gcp"))
    assert not twin.layers_in(AWS)
    assert not twin.wired_links


def test_a_former_store_keeps_its_cloud_in_use() -> None:
    former = ((Layer.HOT_STORAGE, AWS), (Layer.COLD_STORAGE, AWS), (Layer.HOT_STORAGE, AZURE))
    twin = Topology(dict.fromkeys(list(Layer)[:3], GCP), former=former, entries=tuple(Cloud))
    assert (twin.clouds, twin.idle, twin.stacks) == ((AWS, AZURE, GCP), (), ("aws", "azure", "gcp"))
    assert twin.former_in(AWS) == (Layer.HOT_STORAGE, Layer.COLD_STORAGE)
    assert twin.former_in(AZURE) == (Layer.HOT_STORAGE,)
    assert twin.former_in(GCP) == twin.layers_in(AWS) == ()
    assert twin.links == topology(GCP, GCP, GCP).links
    assert twin.roles == topology(GCP, GCP, GCP).roles


def test_of_a_configuration() -> None:
    clouds = {**CLOUDS, "gcp": {"project": "my-project", "region": "europe-west1"}}
    config = twin_config(
        Layout(AWS, AWS, AWS), clouds=clouds, former=["hot_storage@azure"], read_api={"clients": ["erp"]}
    )
    twin = Topology.of(config)
    assert (twin.clouds, twin.idle, twin.stacks) == ((AWS, AZURE), (GCP,), ("aws", "azure", "gcp"))
    assert twin.former_in(AZURE) == (Layer.HOT_STORAGE,)
    assert twin.read_api is True


@given(any_topology, st.sets(st.sampled_from(list(Cloud))))
def test_each_cloud_has_a_stack_for_one_reason(twin: Topology, entries: set[Cloud]) -> None:
    found = Topology(twin.layers, read_api=twin.read_api, entries=entries)
    assert not set(found.idle) & set(found.clouds)
    assert set(found.idle) | set(found.clouds) == entries | set(twin.clouds)
    assert found.stacks == (*sorted({*found.idle, *found.clouds}), *(["links"] if found.wired_links else []))
