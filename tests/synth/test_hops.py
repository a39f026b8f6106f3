"""The output `dead_letter_queues`, which has the dead letters of every hop."""

import pytest

from support.layouts import SYNTHESIZED, Layout, twin_config
from support.synth import Stack, stacks
from support.terraform_json import references, resources
from twin_runtime.roles import Cloud
from twinspan.topology import Topology

each_layout = pytest.mark.parametrize("layout", SYNTHESIZED, ids=str)
DEAD = {
    Cloud.AWS: "aws_sqs_queue",
    Cloud.AZURE: "azurerm_storage_queue",
    Cloud.GCP: "google_pubsub_subscription",
}
OPTIONAL = ("events", "commands")


def hops(stack: Stack) -> dict[str, dict[str, str] | str]:
    return stack["output"]["dead_letter_queues"]["value"]


def letters_of(value: dict[str, str] | str) -> set[str]:
    """The addresses of a hop: that of its letters, and that of its target."""
    return {reference.address for reference in references(value)}


@each_layout
def test_every_dead_letter_queue_is_in_it(layout: Layout) -> None:
    for cloud in Topology.of(twin_config(layout)).clouds:
        stack = stacks(layout)[cloud]
        dead = {block.address for block in resources(stack, DEAD[cloud]) if block.name.endswith("_dead")}
        named = set().union(*(letters_of(value) for value in hops(stack).values()))
        assert dead <= named
        containers = {block.address for block in resources(stack, "azurerm_storage_container")}
        broker = "azurerm_storage_container.broker_dead"
        assert (broker in containers) == ("broker" in hops(stack))
        assert broker not in containers or broker in letters_of(hops(stack)["broker"])


@each_layout
def test_only_what_events_bring_is_null_without_them(layout: Layout) -> None:
    for cloud in Topology.of(twin_config(layout)).clouds:
        for name, value in hops(stacks(layout)[cloud]).items():
            if name in OPTIONAL:
                assert isinstance(value, str)
                assert value.startswith("${var.enable_events ? {")
                assert value.endswith("} : null}")
            else:
                assert isinstance(value, dict)


@each_layout
def test_what_takes_a_letter_again(layout: Layout) -> None:
    """A remote link ends in no queue: a writer stands before the store, feedback before the devices."""
    found = stacks(layout)
    l1, l2, l3 = layout[:3]

    def kind(cloud: Cloud, hop: str) -> str:
        value = hops(found[cloud])[hop]
        return value["kind"] if isinstance(value, dict) else value.split('"')[1]

    assert kind(l1, "telemetry") == "dispatcher"
    assert kind(l1, "processing") == kind(l2, "processing") == "queue"
    assert kind(l2, "persisting") == kind(l2, "events") == "queue"
    assert kind(l1, "commands") == ("queue" if l1 is l2 else "devices")
    assert ("writing" in hops(found[l3])) == (l2 is not l3)
