"""What a million events cost: the arithmetic by hand, the sums by part, what changes when a layer moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import cycle, product

import pytest

from guides import dataflow, twins
from guides.prices import events
from guides.prices.items import Item
from guides.prices.table import PriceError
from twin_runtime.roles import Cloud, Layer
from twinspan.topology import Topology

AWS, AZURE, GCP = Cloud
ALONE = {cloud: twins.topology(twins.SINGLE[cloud]) for cloud in Cloud}
SPREAD = [twins.topology(placement) for placement in twins.SPREAD]
EVERY = [*ALONE.values(), *SPREAD]
L1, L2, HOT, COLD, ARCHIVE, L4, L5 = Layer


def found(
    topology: Topology, part: str, service: str = "", *, on: bool = True, assumed: str = "batches"
) -> list[Item]:
    every = events.items(topology, on, assumed)
    return [item for item in every if item.part == part and item.service.startswith(service)]


def quantity(topology: Topology, part: str, service: str, assumed: str = "batches") -> Decimal:
    (item,) = found(topology, part, service, assumed=assumed)
    return item.quantity


def layouts() -> Iterator[Topology]:
    """Every cloud of L1 to L3 with every pair of tiers, or one, or none; L4 and L5 change with each."""
    tiers = [(None, None), *product(Cloud, (None, *Cloud))]
    last = cycle(product((None, *Cloud), repeat=2))
    for first, (cold, archive) in product(product(Cloud, repeat=3), tiers):
        placed = dict(zip(Layer, (*first, cold, archive, *next(last)), strict=True))
        yield Topology({layer: cloud for layer, cloud in placed.items() if cloud})


@pytest.mark.parametrize("cloud", Cloud)
def test_a_single_cloud_costs_a_few_dollars(cloud: Cloud) -> None:
    off, on, single = (
        events.total(events.items(ALONE[cloud], flag, assumed))
        for flag, assumed in ((False, "batches"), (True, "batches"), (True, "single"))
    )
    assert Decimal("0.8") < off < on < off + Decimal("0.5")
    assert on < 10
    assert 2 * on < single < 25, "messages with one event cost most of it"
    assert all(item.usd > 0 for item in events.items(ALONE[cloud], True))


def test_by_hand_in_aws() -> None:
    """10,000 messages of 17,000 bytes are four of 5 KB each; 10,000 calls are a hundred events each."""
    aws = ALONE[AWS]
    for service in ("IoT Core, messages", "IoT Core, rules", "IoT Core, actions"):
        assert quantity(aws, "broker", service) == 40_000
    assert quantity(aws, "processor", "Lambda, requests") == 10_000
    assert quantity(aws, "processing_queue", "SQS") == 30_000, "sent, received, deleted"
    writes = [item for item in found(aws, "hot_store") if item.price.item == "write"]
    assert [item.quantity for item in writes] == [1_000_000], "written; they expire without charge"
    assert sum(item.usd for item in writes) == Decimal("0.7625")
    assert quantity(aws, "workflow", "Step Functions") == 2_000
    assert quantity(aws, "event_checker", "DynamoDB, on-demand read") == STATE["read"]
    assert quantity(aws, "event_checker", "DynamoDB, on-demand write") == STATE["write"]


STATE = {"read": 10_000, "write": 3_000}
"""A device's record is read with each of its messages, and written three times for each of 1,000 firings."""


def test_by_hand_in_azure() -> None:
    """17,000 bytes are five messages of 4 KB; a unit takes 400,000 a day, all the month for 25 dollars."""
    azure = ALONE[AZURE]
    assert quantity(azure, "broker", "IoT Hub") == 50_000 / (Decimal(400_000) * 365 / 12)
    assert found(azure, "broker", "IoT Hub")[0].usd < Decimal("0.11")
    assert quantity(azure, "broker", "Event Grid") == 20_000, "published, delivered"
    assert sum(item.quantity for item in found(azure, "hot_store")) == 12_000_000
    assert quantity(azure, "event_checker", "Table Storage") == sum(STATE.values())
    assert quantity(azure, "dispatcher", "Functions, Flex Consumption, on demand executions") == 10_000
    # 500 events a second keep one instance of 512 MB at work for the 2,000 seconds.
    assert quantity(azure, "dispatcher", "Functions, Flex Consumption, on demand execution time") == 1_000


def test_by_hand_in_google_cloud() -> None:
    gcp = ALONE[GCP]
    assert quantity(gcp, "broker", "Pub/Sub") == 10_000 * 17_000 * 2, "published, pushed"
    assert quantity(gcp, "event_checker", "Firestore, Standard edition, document reads") == STATE["read"]
    assert quantity(gcp, "event_checker", "Firestore, Standard edition, document writes") == STATE["write"]
    assert quantity(gcp, "broker", "Pub/Sub", "single") == 1_000_000 * 1_000 * 2, "at least 1,000 bytes"
    assert {item.price.item: item.quantity for item in found(gcp, "hot_store")} == {
        "write": 1_000_000,
        "delete": 1_000_000,
    }
    untiered = Topology(dict.fromkeys((L1, L2, HOT), GCP))
    assert {item.price.item for item in found(untiered, "hot_store")} == {"write", "expiry"}


@pytest.mark.parametrize(("cloud", "requests"), [(AWS, 20_200), (AZURE, 32_400), (GCP, 21_000)])
def test_the_measured_requests_leave_where_messages_hold_one_event(cloud: Cloud, requests: int) -> None:
    other = AZURE if cloud is AWS else AWS
    topology = Topology({L1: cloud, L2: other, HOT: other})
    (item,) = (
        item
        for item in found(topology, "ingestion", assumed="single")
        if item.price.tier == "function" and item.price.item == "request"
    )
    assert round(item.quantity) == requests
    (sent,) = (item for item in found(topology, "link_telemetry", assumed="single") if item.cloud is cloud)
    assert 70 < sent.quantity / 1_000_000 < 100, "bytes an event"


def test_a_link_costs_its_bytes_and_its_receiver() -> None:
    near, far = Topology(dict.fromkeys((L1, L2, HOT), AWS)), Topology({L1: AWS, L2: AWS, HOT: GCP})
    here, there = (events.by_part(events.items(topology, True)) for topology in (near, far))
    assert set(there) - set(here) == {"link_write", "writer"}
    (request,) = (item for item in found(far, "link_write") if item.cloud is AWS)
    assert request.quantity == 10_000 * (462 + 200 + 70 * 100)
    (answer,) = (item for item in found(far, "link_write") if item.cloud is GCP)
    assert answer.quantity == 10_000 * 600
    assert request.usd == request.quantity * Decimal("0.09") / 2**30
    assert {part for part in here if here[part] != there[part]} == {"persister", "hot_store"}


@pytest.mark.parametrize("topology", SPREAD)
def test_every_remote_link_has_a_bill_on_both_sides(topology: Topology) -> None:
    every = events.items(topology, True)
    for link in topology.wired_links:
        if link.by_key or link.name == "twin":
            continue
        ends = {item.cloud for item in every if item.part == f"link_{link.name}"}
        assert ends == {link.sender_cloud, link.receiver_cloud}, link.name
        assert any(item.part == link.receiver for item in every), link.name


@pytest.mark.parametrize("cloud", Cloud)
def test_nothing_leaves_a_single_cloud(cloud: Cloud) -> None:
    every = events.items(ALONE[cloud], True)
    assert {item.cloud for item in every} == {cloud}
    assert not [item for item in every if item.part.startswith("link_") or item.price.tier == "transfer"]


@pytest.mark.parametrize("assumed", events.SETS)
def test_a_part_costs_what_its_layers_say(assumed: str) -> None:
    """So a table by part answers for every combination."""
    known: dict[tuple[object, ...], Decimal | None] = {}
    for topology in layouts():
        costs = events.by_part(events.items(topology, True, assumed))
        for part, layers in events.DEPENDS_ON.items():
            key = (part, *(topology.layers.get(layer) for layer in layers))
            assert known.setdefault(key, costs.get(part)) == costs.get(part), key
        assert set(costs) <= set(events.DEPENDS_ON)
    assert {str(part) for (part, *_), cost in known.items() if cost} == set(events.DEPENDS_ON)


@pytest.mark.parametrize("topology", EVERY)
def test_what_handles_events_has_a_price_or_a_reason(topology: Topology) -> None:
    costs = events.by_part(events.items(topology, True))
    free = {each.part: each for each in events.free(topology, True)}
    assert not set(costs) & set(free)
    nodes = {node.id for node in dataflow.graph(topology).nodes if node.cloud}
    assert set(costs) | set(free) == nodes | {part for part in costs if part.startswith("link_")}
    assert {role.value for role in topology.roles} <= set(costs) | set(free)
    for role, cloud in topology.roles.items():
        assert role not in free or free[role].cloud is cloud
    assert all(len(each.reason) > 20 for each in free.values())


def test_without_the_event_system() -> None:
    for topology in EVERY:
        off, on = (events.by_part(events.items(topology, flag)) for flag in (False, True))
        more = set(on) - set(off)
        assert {"events_queue", "event_checker", "workflow", "event_feedback"} <= more
        assert more <= {node.id for node in dataflow.graph(topology).nodes if node.optional} | {
            "link_feedback"
        }
        assert {part for part in off if off[part] != on[part]} <= {"persister"}, "which shows them the events"


def test_every_price_is_used() -> None:
    used = {item.price for topology in EVERY for item in events.items(topology, True)}
    used |= {each.price for topology in EVERY for each in events.fixed(topology, True)}
    used |= {item.price for item in events.items(Topology(dict.fromkeys((L1, L2, HOT), GCP)), True)}
    assert set(events.table().prices) <= used


def test_a_price_that_is_missing_is_a_sentence() -> None:
    whole = events.table()
    untiered = Topology(dict.fromkeys((L1, L2, HOT), GCP))
    for price in whole.prices:
        without = replace(whole, prices=tuple(each for each in whole.prices if each is not price))
        with pytest.raises(PriceError) as caught:
            for topology in (*EVERY, untiered):
                events.items(topology, True, prices=without)
                events.fixed(topology, True, prices=without)
        wanted = f"events.toml has no price of {price.cloud}.{price.tier}.{price.item}, which "
        assert str(caught.value).startswith(wanted)
        assert str(caught.value).endswith(" is billed for.")


def test_the_cheapest_single_cloud_has_the_same_layers() -> None:
    topology = Topology({L1: AZURE, L2: AZURE, HOT: GCP})
    cloud, usd = events.cheapest(topology, True)
    alone = [Topology(dict.fromkeys((L1, L2, HOT), each)) for each in Cloud]
    assert usd == min(events.total(events.items(each, True)) for each in alone)
    assert usd == events.total(events.items(alone[list(Cloud).index(cloud)], True))


def test_what_the_figures_rest_on_is_said() -> None:
    for assumed in events.SETS:
        told = events.sentences(assumed)
        assert len(set(told)) == len(told) > 8
        assert all(sentence.endswith(".") and "{" not in sentence for sentence in told)
        assert any("20.2" in sentence and "32.4" in sentence and "21.0" in sentence for sentence in told)
    with pytest.raises(KeyError, match="must be one of batches, single"):
        events.items(ALONE[AWS], True, "none")
